"""The stock voices of the tiny engine; light, so that the page's process may list them."""

from model.engines.protocol import StockVoice

STOCK_VOICES = (
    StockVoice(name="ada", title="Ada", language="en", gender="feminine"),
    StockVoice(name="alan", title="Alan", language="en", gender="masculine"),
)
