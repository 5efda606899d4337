// What a screen reader speaks unasked: changes of state politely, problems at once, and the
// conversation itself only where the user wants it (it is audible already).

const SETTLE_MS = 60; // a live region speaks a text that stood there before only if it was empty in between

/** @param {HTMLElement} region @param {string} text */
function put(region, text) {
  region.textContent = "";
  if (text) setTimeout(() => (region.textContent = text), SETTLE_MS);
}

export class Announcer {
  #polite;
  #urgent;
  #wanted;

  /** @param {HTMLElement} polite @param {HTMLElement} urgent @param {HTMLInputElement} conversation the check box */
  constructor(polite, urgent, conversation) {
    this.#polite = polite;
    this.#urgent = urgent;
    this.#wanted = conversation;
  }

  say(/** @type {string} */ text) {
    put(this.#polite, text);
  }

  alert(/** @type {string} */ text) {
    put(this.#urgent, text);
  }

  said(/** @type {string} */ who, /** @type {string} */ text) {
    if (this.#wanted.checked) this.say(`${who}: ${text}`);
  }
}
