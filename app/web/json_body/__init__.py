"""JSON in the bodies of requests: bounded while it arrives, parsed without holding the event loop."""

from app.web.json_body.parser_process import ParserProcess
from app.web.json_body.reading import JsonLimits, read_json
from app.web.json_body.route import JsonRoute

__all__ = ["JsonLimits", "JsonRoute", "ParserProcess", "read_json"]
