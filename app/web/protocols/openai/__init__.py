"""The completions of the OpenAI interface, as its published OpenAPI document has them, and its list of models."""

from app.web.protocols.openai.routes import router

__all__ = ["router"]
