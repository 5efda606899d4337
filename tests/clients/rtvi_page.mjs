// Pipecat's JavaScript client in a page: what it does is asked for from outside, what it reports is kept in order.

import { PipecatClient, RTVIEvent } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

window.events = [];
const sound = document.querySelector("#sound");
const transport = new SmallWebRTCTransport({ mediaManager: new WavMediaManager() });
const client = new PipecatClient({ transport, enableMic: true, enableCam: false });
for (const event of Object.values(RTVIEvent)) {
    client.on(event, (data) => {
        let shown = null;
        try {
            shown = JSON.parse(JSON.stringify(data ?? null));
        } catch {
            // a track or a participant
        }
        window.events.push({ event, data: shown });
    });
}
client.on(RTVIEvent.TrackStarted, (track, participant) => {
    if (track.kind === "audio" && !participant?.local) {
        sound.srcObject = new MediaStream([track]);
        sound.play();
    }
});
client.registerFunctionCallHandler("favourite_colour", async ({ arguments: given }) => `It is green, as a ${given.shade} is.`);
window.client = client;
window.transport = transport;
window.begin = (url, body, token) =>
    client.startBotAndConnect({
        endpoint: `${url}/start`,
        requestData: body,
        ...(token && { headers: new Headers({ Authorization: `Bearer ${token}` }) }),
    });
window.ask = async (type, data) => {
    try {
        return { answer: await client.sendClientRequest(type, data) };
    } catch (message) {
        return { refused: message.data?.error ?? String(message) };
    }
};
