"""OpenAI's HTTP endpoints over the models of this process: audio, chat completions, the list of models."""
