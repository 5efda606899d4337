// Everything that can go wrong, and what to do about it: the only place with these texts.

/**
 * @typedef {object} Words
 * @property {string} title what happened
 * @property {string} advice what to do
 * @property {"call" | "microphone" | "sound" | "session" | "token"} about what clears it: a call that connects clears "call"
 * @property {boolean} [final] trying the same again cannot help
 */

/** @type {{[code: string]: Words}} */
const WORDS = {
  no_webrtc: {
    title: "This browser cannot make calls",
    advice: "WebRTC is missing or switched off. Use a current Firefox, Chrome, Edge or Safari, or allow WebRTC in its settings.",
    about: "call",
    final: true,
  },
  insecure: {
    title: "The microphone needs a secure page",
    advice: "Open this page as https://… or, on the machine itself, as http://localhost. Until then you can listen and type.",
    about: "microphone",
  },
  no_microphone: {
    title: "No microphone was found",
    advice: "You can listen and type. To speak, plug one in and press the button.",
    about: "microphone",
  },
  microphone_denied: {
    title: "The microphone is not allowed",
    advice: "You can listen and type. To speak, allow the microphone next to the page's address and press the button.",
    about: "microphone",
  },
  microphone_busy: {
    title: "The microphone does not start",
    advice: "Another program may be using it: close that one, or choose another microphone. You can listen and type meanwhile.",
    about: "microphone",
  },
  microphone_lost: {
    title: "The microphone was unplugged",
    advice: "You can listen and type. Plug it in again or choose another one, and press the button.",
    about: "microphone",
  },
  sound_blocked: {
    title: "Your browser blocks the sound",
    advice: "Press the button to hear the agent.",
    about: "sound",
  },
  unreachable: {
    title: "The server does not answer",
    advice: "Check that voiceagent is running and that you are on its network.",
    about: "call",
  },
  server_full: {
    title: "All places are taken",
    advice: "A place becomes free when someone hangs up.",
    about: "call",
  },
  server_busy: {
    title: "The server is busy",
    advice: "It has as many callers as it can answer in time. The page tries again by itself.",
    about: "call",
  },
  not_ready: {
    title: "The models are still loading",
    advice: "The server is starting. This takes a moment after a start.",
    about: "call",
  },
  out_of_order: {
    title: "The agent is not working",
    advice: "A model on the server does not answer, or fails. The page tries again by itself.",
    about: "call",
  },
  no_token: {
    title: "This agent asks for a token",
    advice: "The person who started the server has it: the server printed an address with it. Paste either here.",
    about: "token",
    final: true,
  },
  wrong_token: {
    title: "The token is not right",
    advice: "It may have been changed since. Paste the one that the server printed with its address.",
    about: "token",
    final: true,
  },
  bad_sdp: {
    title: "Server and browser do not understand each other",
    advice: "Load the page again; if it stays, try another browser.",
    about: "call",
    final: true,
  },
  refused: {
    title: "The server refused the call",
    advice: "Load the page again; if it stays, the server's log says why.",
    about: "call",
  },
  no_path: {
    title: "The audio cannot get through",
    advice: "The server answers, but audio does not reach it. A firewall or VPN may block UDP; the server may need a TURN server.",
    about: "call",
  },
  connection_lost: {
    title: "The connection was lost",
    advice: "Check your network. The page connects again by itself.",
    about: "call",
  },
  gave_up: {
    title: "The server could not be reached",
    advice: "Check your network and the server, then press Connect.",
    about: "call",
    final: true,
  },
  draining: {
    title: "The server is restarting",
    advice: "The page connects again by itself.",
    about: "call",
  },
  restart: {
    title: "The server is restarting",
    advice: "The page connects again by itself.",
    about: "call",
  },
  moved: {
    title: "The call goes on in another window",
    advice: "Close this one, or press Connect for a call of its own.",
    about: "call",
    final: true,
  },
  ended: { title: "The server ended the call", advice: "Press Connect to start again.", about: "call", final: true },
  session: { title: "Something went wrong; the call goes on", advice: "", about: "session" },
};

/** A problem that the user should read about. */
export class Problem extends Error {
  /**
   * @param {string} code a key of WORDS, or a code of the server's that is not known here
   * @param {{message?: string, retryAfter?: number, status?: number}} detail the server's own words; seconds to
   *   wait before trying again; the HTTP status, of which 4xx (but 408 and 429) means that trying again cannot help
   */
  constructor(code, { message = "", retryAfter = 0, status = 0 } = {}) {
    const known = Object.hasOwn(WORDS, code);
    const words = WORDS[known ? code : "refused"];
    // The server's text is about this very case, and ours the general one; how programs give a token helps nobody here.
    const own = words.about === "token" ? "" : message;
    super(own || words.advice);
    this.code = code;
    this.title = words.title;
    this.advice = own || words.advice;
    this.about = words.about;
    this.retryAfter = retryAfter;
    this.final = Boolean(words.final) || (status >= 400 && status < 500 && status !== 408 && status !== 429);
  }
}
