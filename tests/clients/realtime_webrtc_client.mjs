// A page with npm @openai/agents-realtime over WebRTC: the browser's microphone, one tool, and what the session tells.

import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";

window.told = { kinds: [], responses: [], errors: [], truncated: [], cities: [] };

window.converse = async (calls, key) => {
  const weather = tool({
    name: "weather",
    description: "Return the weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
    execute: async ({ city }) => {
      window.told.cities.push(city);
      return `Sunny in ${city}.`;
    },
  });
  const audioElement = document.querySelector("audio");
  const transport = new OpenAIRealtimeWebRTC({ baseUrl: calls, audioElement });
  const session = new RealtimeSession(new RealtimeAgent({ name: "Robin", instructions: "Call the tool.", tools: [weather] }), {
    transport,
  });
  session.on("error", (error) => window.told.errors.push(JSON.stringify(error)));
  session.on("transport_event", (event) => {
    window.told.kinds.push(event.type);
    if (event.type === "response.done") window.told.responses.push(event.response);
    if (event.type === "conversation.item.truncated") window.told.truncated.push(event);
  });
  window.session = session;
  await session.connect({ apiKey: key });
  return transport.callId;
};

window.history_ = () =>
  window.session.history.map((item) => ({
    id: item.itemId,
    role: item.role ?? item.type,
    texts: (item.content ?? []).map((part) => part.transcript ?? part.text),
    output: item.output,
  }));

window.loudness = () => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(document.querySelector("audio").srcObject).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  window.loudest = 0;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    window.loudest = Math.max(window.loudest, ...samples.map(Math.abs));
  }, 50);
};
