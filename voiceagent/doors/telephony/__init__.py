"""The telephone: Twilio's Media Streams and Asterisk's AudioSocket."""
