"""The use cases. They know model and storage, never gradio and never fastapi."""
