"""What people and programs touch: the page, the API, the command line, and the use cases behind them."""
