"""The pages and what they are made of. With `steps` and `wizard`, the only code that knows gradio."""
