// Puts the page together: controls on one side, the call in the middle, the displays on the other.

import { Announcer } from "./announce.js";
import { getConfig } from "./api.js";
import { Call } from "./call.js";
import { byId } from "./dom.js";
import { Lanes } from "./lanes.js";
import { Level } from "./level.js";
import { Microphone } from "./microphone.js";
import { Notice } from "./notice.js";
import { Onlooker } from "./onlooker.js";
import { Problem } from "./problems.js";
import { keepToken } from "./token.js";
import { Transcript } from "./transcript.js";
import { Waterfall } from "./waterfall.js";

const CALLERS_MS = 10_000;

const announcer = new Announcer(byId("polite"), byId("urgent"), byId("read-out"));
const notice = new Notice((text) => announcer.alert(text));
const level = new Level(byId("level"));
const lanes = new Lanes(byId("strip"), byId("lane-list"), byId("step-words"));
const transcript = new Transcript(byId("transcript"), byId("entries"), byId("latest"), (who, text) =>
  announcer.said(who, text),
);
const waterfall = new Waterfall({
  headline: byId("voice-to-voice"),
  number: byId("v2v-number"),
  words: byId("v2v-words"),
  history: byId("history"),
  stages: byId("stages"),
  axis: byId("axis"),
});
const microphone = new Microphone(byId("microphone"), {
  chosen: () => changeMicrophone(),
  lost: () => report(new Problem("microphone_lost")),
});
const call = new Call({
  microphone: openMicrophone,
  state: showState,
  config: showConfig,
  message: receive,
  stream: play,
  rtt: (ms) => showNetwork({ rtt_ms: ms }),
  problem: report,
});

const onlooker = new Onlooker({
  begun: beginToLookOn,
  message: receive,
  over: () => showWatching("The conversation at this machine is over."),
});

let agent = "Agent";
let countdown = 0;
let sessions = 0; // since the page was opened
let asking = 0; // the timer by which the number of callers is asked for
let network = {}; // what is known of it: the round trip from our pings, the rest from the server

// -- what the server says

/** @type {{[type: string]: (message: any) => void}} */
const receivers = {
  session(message) {
    // Not "again" in the first session: what was typed before this message came is already in the transcript.
    if (sessions && !onlooker.active && !transcript.isEmpty) noteReturn(message.resumed);
    sessions += 1;
    if (message.agent) showName(message.agent);
    byId("welcome").hidden = true;
    lanes.start();
  },
  history({ items }) {
    if (!transcript.isEmpty) return; // only a page that was loaded again does not know it
    for (const { role, text } of items) transcript.recall(role, text);
    noteReturn(true);
  },
  floor: ({ holder }) => showFloor(holder),
  "user.partial": ({ turn, text }) => transcript.user(turn, text, false),
  "user.final": ({ turn, text }) => transcript.user(turn, text, true),
  "user.aside": ({ turn }) => transcript.setAside(turn),
  "agent.segment": ({ generation, segment, words }) => transcript.segment(generation, segment, words),
  "agent.word": ({ generation, segment, word }) => transcript.word(generation, segment, word),
  "agent.paused": ({ generation }) => transcript.pause(generation, true),
  "agent.resumed": ({ generation }) => transcript.pause(generation, false),
  "agent.end": ({ generation, outcome, heard_words: heard }) => transcript.end(generation, outcome, heard),
  "agent.tool": ({ tool, running }) => running && transcript.note(`${agent} is using ${tool}`),
  trace: ({ trace }) => waterfall.add(trace),
  lanes: ({ now, steps }) => lanes.add(now, steps),
  level: ({ user, agent: theirs }) => level.report(user, theirs),
  network: (message) => showNetwork(message),
  error: ({ message }) => report(new Problem("session", { message })),
};

/** What is shown of the conversation at the server's own microphone begins here, from its first word. */
function beginToLookOn() {
  transcript.endSession();
  transcript.clear();
  lanes.start();
  showWatching("Showing the conversation at this machine");
}

function showWatching(/** @type {string} */ words) {
  if (call.state === "idle") byId("status").textContent = words;
}

function receive(/** @type {any} */ message) {
  if (Object.hasOwn(receivers, message.type)) receivers[message.type](message);
}

function noteReturn(/** @type {boolean} */ resumed) {
  const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  transcript.note(`Connected again at ${at}${resumed ? "" : ": a new conversation"}`);
}

// -- what the user sees

/** Best effort: what fails here is reported where it matters. */
function askForCallers() {
  getConfig().then(({ callers }) => showCallers(callers), () => {});
}

function showState(/** @type {import("./call.js").State} */ state, /** @type {number} */ wait) {
  const before = document.body.dataset.state;
  document.body.dataset.state = state;
  clearInterval(countdown);
  byId("primary-text").textContent = { idle: "Connect", connecting: "Cancel", connected: "Hang up", waiting: "Cancel" }[state];
  const on = state === "connected";
  for (const id of ["text", "send", "interrupt"]) byId(id).disabled = !on;
  allowMute();
  if (on) {
    notice.clear("call");
    level.start();
    clearInterval(asking);
    asking = setInterval(askForCallers, CALLERS_MS);
    askForCallers();
  } else {
    clearInterval(asking);
    level.stop();
    lanes.stop();
    transcript.endSession();
    network = {};
    byId("network").textContent = "";
  }
  if (state === "idle") {
    microphone.close();
    byId("sound").srcObject = null;
    for (const over of ["microphone", "sound", "session"]) notice.clear(over);
  }
  showFloor("none");
  if (state === "waiting") countDown(wait);
  byId("status").textContent = { idle: "Not connected", connecting: "Connecting…", connected: "Connected", waiting: "Not connected" }[state];
  if (state === "connected") announcer.say(microphone.track ? "Connected. Speak whenever you like." : "Connected. You can listen and type.");
  else if (state === "idle" && before === "connected") announcer.say("The call has ended.");
}

function countDown(/** @type {number} */ seconds) {
  const end = performance.now() + seconds * 1000;
  const tell = () => {
    const left = Math.max(1, Math.ceil((end - performance.now()) / 1000));
    byId("floor").textContent = `Trying again in ${left} s`;
  };
  tell();
  countdown = setInterval(tell, 250);
}

function showFloor(/** @type {any} */ holder) {
  level.floor = holder;
  document.body.dataset.floor = holder;
  const listening = !microphone.track ? "Type, and listen" : microphone.muted ? "You are muted" : "Listening";
  const words = { user: "You have the floor", agent: `${agent} is speaking`, thinking: `${agent} is thinking`, none: listening };
  if (onlooker.active && call.state === "idle") {
    byId("floor").textContent = { user: "The person has the floor", agent: words.agent, thinking: words.thinking }[/** @type {string} */ (holder)] ?? "Listening";
    return;
  }
  const idle = { idle: "Ready when you are", connecting: "One moment…", waiting: "Trying again" };
  byId("floor").textContent = call.state === "connected" ? words[/** @type {keyof words} */ (holder)] ?? listening : idle[call.state];
}

function showName(/** @type {string} */ name) {
  agent = name;
  transcript.agent = name;
  byId("agent-side").textContent = name;
}

function showCallers(/** @type {any} */ callers) {
  byId("callers").hidden = !callers;
  if (!callers) return;
  const { now, capacity, most } = callers;
  const room = capacity === null || capacity >= most ? "" : `, ${capacity} can be answered in time`;
  byId("callers").textContent = `${now} ${now === 1 ? "caller" : "callers"} now${room}, ${most} may come.`;
}

function showConfig(/** @type {any} */ { name, models, callers, watch }) {
  showCallers(callers);
  if (watch && call.state === "idle") onlooker.start();
  if (name) {
    showName(name);
    byId("name").textContent = name;
    document.title = name;
  }
  if (models) byId("models").textContent = `Hears with ${models.asr}, thinks with ${models.llm}, speaks with ${models.tts}.`;
}

function showNetwork(/** @type {any} */ news) {
  network = { ...network, ...news };
  const { rtt_ms: rtt, lost_percent: lost, lag_ms: lag } = /** @type {any} */ (network);
  const parts = [];
  if (Number.isFinite(rtt)) parts.push(`${Math.round(rtt)} ms round trip`);
  if (Number.isFinite(lost)) parts.push(`${lost.toFixed(1)} % lost`);
  if (Number.isFinite(lag)) parts.push(`sound ${Math.round(lag)} ms behind`);
  byId("network").textContent = parts.join(" · ");
}

function report(/** @type {Problem} */ problem) {
  const actions = {
    call: call.state === "waiting" ? { label: "Try now", act: () => call.retryNow() } : undefined,
    microphone: problem.code === "insecure" ? undefined : { label: "Use the microphone", act: changeMicrophone },
    sound: { label: "Hear the agent", act: startSound },
    session: undefined,
    token: undefined,
  };
  notice.show(problem, actions[problem.about]);
  if (problem.about === "token") askForToken(true);
}

function askForToken(/** @type {boolean} */ asking) {
  byId("token-form").hidden = !asking;
  byId("composer").hidden = asking;
  byId("primary").disabled = asking;
  if (asking) byId("token").focus();
}

function comeIn(/** @type {any} */ config) {
  askForToken(false);
  notice.clear("token");
  byId("token").value = "";
  byId("primary").focus();
  showConfig(config);
}

// -- sound, in and out

async function openMicrophone() {
  if (microphone.declined) {
    microphone.close();
    return null;
  }
  try {
    const track = await microphone.open();
    notice.clear("microphone");
    level.listen("user", new MediaStream([track]));
    return track;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    report(error);
    return null;
  }
}

/** A microphone was chosen or allowed while the call runs: the call takes it, reconnecting where it must. */
async function changeMicrophone() {
  if (call.state !== "connected") return;
  notice.clear("microphone");
  if (microphone.declined) {
    call.restart();
    return;
  }
  const track = await openMicrophone();
  if (track && !(await call.useMicrophone(track))) call.restart();
  allowMute();
  showFloor(level.floor);
}

function play(/** @type {MediaStream} */ stream) {
  byId("sound").srcObject = stream;
  level.listen("agent", stream);
  startSound();
}

async function startSound() {
  try {
    await byId("sound").play();
    notice.clear("sound");
  } catch (error) {
    // AbortError: the next stream came first. Only a refusal is for the user to lift.
    if (/** @type {Error} */ (error).name === "NotAllowedError") report(new Problem("sound_blocked"));
  }
}

function allowMute() {
  byId("mute").disabled = call.state !== "connected" || !microphone.track;
}

function setMuted(/** @type {boolean} */ muted) {
  microphone.mute(muted);
  byId("mute").setAttribute("aria-pressed", String(muted));
  announcer.say(muted ? "Muted." : "Not muted.");
  showFloor(level.floor);
}

// -- what the user does

byId("primary").addEventListener("click", () => {
  if (call.state !== "idle") return call.hangUp();
  if (onlooker.active) {
    onlooker.stop();
    transcript.endSession();
    transcript.note("Your own conversation");
  }
  call.start();
});
byId("mute").addEventListener("click", () => setMuted(!microphone.muted));
byId("interrupt").addEventListener("click", () => call.send({ type: "interrupt" }));
byId("composer").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text || !call.send({ type: "text", text })) return;
  transcript.typed(text);
  byId("text").value = "";
});
byId("token-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  keepToken(byId("token").value);
  getConfig().then(comeIn, report);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || call.state !== "connected") return;
  const within = (/** @type {string} */ kind) => event.target instanceof Element && event.target.matches(kind);
  if (event.key === "Escape" && !within("select")) call.send({ type: "interrupt" });
  if (event.key.toLowerCase() !== "m" || within("select, [type=text]")) return;
  if (byId("shortcuts").checked && microphone.track) setMuted(!microphone.muted);
});
addEventListener("pagehide", () => call.leave());
addEventListener("pageshow", ({ persisted }) => persisted && call.brokeOff && call.start()); // back without loading

microphone.refresh();
// The name and the models are optional here; pressing Connect asks again and reports what is wrong. A token is not.
getConfig().then(showConfig, (/** @type {Problem} */ problem) => problem.about === "token" && report(problem));
if (call.brokeOff) call.start();
