"""A server that speaks the model providers' wires without a model: for tests, benches and demonstrations, labelled so.

Owns four dialects (Responses over WebSocket and HTTP, chat completions, Anthropic messages), the pace at which tokens
come, scripted tool calls, and the faults real servers have. Knows nothing of Tandem: no Django, no engine.
"""
