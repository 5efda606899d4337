// A WebRTC client that is not ours in any way but the address it posts to: `client` is driven by a test in Chromium.
// Offers trickle: the answer is fetched before any candidate is known, and candidates are sent as the browser writes them.

globalThis.client = {
  pc: null,
  id: null,
  messages: [],

  async connect({ iceServers = [], policy = "all", cameras = 0, codec = null, candidates = "trickle" } = {}) {
    this.pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy });
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.track = stream.getTracks()[0];
    this.audio = this.pc.addTransceiver(this.track, { direction: "sendrecv" });
    if (codec) {
      const known = RTCRtpReceiver.getCapabilities("audio").codecs;
      this.audio.setCodecPreferences(known.filter((one) => one.mimeType.toLowerCase() === codec.toLowerCase()));
    }
    for (let i = 0; i < cameras; i += 1) this.pc.addTransceiver("video", { direction: "sendrecv" });
    this.pc.ontrack = ({ track }) => {
      if (track.kind !== "audio") return;
      this.sound = new Audio();
      this.sound.srcObject = new MediaStream([track]);
      this.sound.play();
    };
    this.channel = this.pc.createDataChannel("chat");
    this.channel.onmessage = (event) => this.messages.push(JSON.parse(event.data));
    this.candidates = candidates;
    this.pc.onicecandidate = (event) => this.trickle(event.candidate);
    await this.negotiate();
  },

  /** Sends the microphone through another transceiver; the first one only receives from now on. */
  async exchange() {
    await this.audio.sender.replaceTrack(null);
    this.audio.direction = "recvonly";
    this.pc.addTransceiver(this.track, { direction: "sendonly" });
    await this.negotiate();
  },

  waiting: [],
  async trickle(candidate) {
    if (this.candidates !== "trickle") return;
    this.waiting.push(candidate?.toJSON() ?? { candidate: null });
    if (this.id) await this.flush();
  },

  async flush() {
    const candidates = this.waiting.splice(0);
    const sent = await this.post("PATCH", { pc_id: this.id, candidates });
    if (sent.status !== "success") throw new Error(JSON.stringify(sent));
  },

  async negotiate(options) {
    await this.pc.setLocalDescription(await this.pc.createOffer(options));
    if (this.candidates === "whole") {
      while (this.pc.iceGatheringState !== "complete") await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { sdp, type } = this.pc.localDescription;
    const answer = await this.post("POST", { sdp, type, pc_id: this.id });
    if (answer.error) throw new Error(answer.error.message);
    this.answer = answer.sdp;
    this.id = answer.pc_id;
    await this.pc.setRemoteDescription(answer);
    if (this.waiting.length) await this.flush();
  },

  async post(method, body) {
    const headers = { "content-type": "application/json" };
    return (await fetch("/page/offer", { method, headers, body: JSON.stringify(body) })).json();
  },

  /** What the browser has received and sent, and over which pair. */
  async stats() {
    const all = [...(await this.pc.getStats()).values()];
    const sounds = all.filter((one) => one.type === "inbound-rtp" && one.kind === "audio");
    const sound = sounds.sort((one, other) => other.packetsReceived - one.packetsReceived)[0];
    const transport = all.find((one) => one.type === "transport");
    const pair = all.find((one) => one.id === transport?.selectedCandidatePairId);
    const local = all.find((one) => one.id === pair?.localCandidateId);
    const codec = all.find((one) => one.id === sound?.codecId);
    return {
      state: this.pc.connectionState,
      received: sounds.reduce((sum, one) => sum + one.packetsReceived, 0),
      energy: sound?.totalAudioEnergy ?? 0,
      codec: codec?.mimeType,
      local: local?.candidateType,
      ufrag: local?.usernameFragment,
      kinds: this.messages.map((message) => message.type),
    };
  },
};
