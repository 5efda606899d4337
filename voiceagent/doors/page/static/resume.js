// What lets a call go on after its line broke or the page was loaded again: the server's token, and the last word that
// was heard. No word of the conversation is kept here.

const KEY = "voiceagent-resume";

/** @typedef {{token: string, generation?: number, segment?: number, word?: number}} Claim */

/** What an earlier page of this tab has left, if that is not too long ago. @returns {Claim | null} */
function left() {
  try {
    const { claim, until } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    sessionStorage.removeItem(KEY);
    return until > Date.now() ? claim : null;
  } catch {
    return null; // storage is switched off, or holds something else: a new call begins
  }
}

export class Resumption {
  #claim = left();
  #withinMs = 0;

  /** What the offer brings along; null where there is nothing to go on with. @returns {Claim | null} */
  get claim() {
    return this.#claim;
  }

  /** The server's first message of a session. @param {any} message */
  begin({ resume, resumed }) {
    this.#withinMs = 1000 * (resume?.within_s ?? 0);
    if (!resume) this.#claim = null;
    else if (!resumed) this.#claim = { token: resume.token };
  }

  /** This word has been heard, and all before it. */
  heard(/** @type {number} */ generation, /** @type {number} */ segment, /** @type {number} */ word) {
    if (this.#claim) this.#claim = { ...this.#claim, generation, segment, word };
  }

  /** The user has hung up: the next call is another one. */
  forget() {
    this.#claim = null;
  }

  /** The page is about to go, and may be loaded again. */
  leave() {
    if (!this.#claim) return;
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ claim: this.#claim, until: Date.now() + this.#withinMs }));
    } catch {
      // as above
    }
  }
}
