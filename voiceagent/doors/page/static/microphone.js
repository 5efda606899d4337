// The microphone: which there are, which one the user chose (remembered), opening it, and mute.

import { make } from "./dom.js";
import { Problem } from "./problems.js";

const REMEMBERED = "voiceagent.microphone";
const NONE = "none"; // the choice to listen and type only

/** What getUserMedia's error names mean (Media Capture and Streams, 10.2). */
const MEANING = new Map([
  ["NotAllowedError", "microphone_denied"],
  ["SecurityError", "microphone_denied"],
  ["NotFoundError", "no_microphone"],
  ["OverconstrainedError", "no_microphone"],
]);

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return ""; // storage switched off: the choice lasts as long as the page
  }
}

/** The microphone that is wanted; where it is not plugged in today, another one does. */
function ask(/** @type {string} */ wanted) {
  const open = (/** @type {MediaTrackConstraints} */ device) =>
    navigator.mediaDevices.getUserMedia({
      audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  if (!wanted) return open({});
  // "exact": Chromium may take its default in spite of an "ideal" one.
  return open({ deviceId: { exact: wanted } }).catch((error) => {
    if (error.name === "OverconstrainedError") return open({});
    throw error;
  });
}

export class Microphone {
  /** @type {MediaStreamTrack | null} */
  track = null;
  muted = false;
  #select;
  #lost;
  #wanted = remembered();
  #openedFor = "";

  /**
   * @param {HTMLSelectElement} select
   * @param {object} handlers
   * @param {() => void} handlers.chosen another one was chosen
   * @param {() => void} handlers.lost the open one went away
   */
  constructor(select, { chosen, lost }) {
    this.#select = select;
    this.#lost = lost;
    select.addEventListener("change", () => {
      this.#wanted = select.value;
      try {
        localStorage.setItem(REMEMBERED, select.value);
      } catch {
        // storage switched off: the choice lasts as long as the page
      }
      chosen();
    });
    navigator.mediaDevices?.addEventListener("devicechange", () => this.refresh());
    this.#fill([], this.#wanted);
  }

  /** True where the user chose to listen and type only. */
  get declined() {
    return this.#wanted === NONE;
  }

  async refresh() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    this.#fill(
      devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId),
      this.track?.getSettings().deviceId ?? this.#wanted,
    );
  }

  /**
   * The live track of the chosen microphone.
   * @throws {Problem} in words, where there is none
   */
  async open() {
    const wanted = this.#wanted;
    if (this.track?.readyState === "live" && this.#openedFor === wanted) return this.track;
    this.close();
    if (!navigator.mediaDevices) throw new Problem(isSecureContext ? "no_microphone" : "insecure");
    const stream = await ask(wanted).catch((error) => {
      throw new Problem(MEANING.get(error.name) ?? "microphone_busy");
    });
    const [track] = stream.getAudioTracks();
    track.enabled = !this.muted;
    track.addEventListener("ended", () => this.track === track && this.#lost());
    this.track = track;
    this.#openedFor = wanted;
    await this.refresh(); // names are visible only once a microphone is open
    return track;
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    if (this.track) this.track.enabled = !muted;
  }

  close() {
    this.track?.stop();
    this.track = null;
  }

  #fill(/** @type {MediaDeviceInfo[]} */ devices, /** @type {string} */ chosen) {
    const named = devices.map(({ deviceId, label }, index) => [deviceId, label || `Microphone ${index + 1}`]);
    const choices = [...(named.length ? named : [["", "The default microphone"]]), [NONE, "None: I listen and type"]];
    this.#select.replaceChildren(...choices.map(([value, textContent]) => make("option", { value, textContent })));
    this.#select.selectedIndex = Math.max(0, choices.findIndex(([value]) => value === chosen));
  }
}
