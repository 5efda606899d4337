"""A scripted model that remembers what it was told."""


class Listening:
    """Says the same each time."""

    def __init__(self, reply="Fine, thank you."):
        self.prompts = []
        self.reply = reply

    def __call__(self, messages):
        self.prompts.append(messages)
        return self.reply

    @property
    def systems(self):
        """The system messages of all prompts."""
        return [messages[0].content for messages in self.prompts]

    @property
    def asked(self):
        """Roles and contents of the last prompt, without the system message."""
        return [(message.role, message.content) for message in self.prompts[-1][1:]]
