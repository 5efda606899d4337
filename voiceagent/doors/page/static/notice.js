// The one place on the page where a problem is shown, with a button for what can be done about it.

import { byId } from "./dom.js";

export class Notice {
  #box = byId("notice");
  #title = byId("notice-title");
  #advice = byId("notice-advice");
  #button = byId("notice-action");
  #alert;
  #about = "";
  /** @type {() => void} */
  #act = () => {};

  /** @param {(text: string) => void} alert says it to a screen reader */
  constructor(alert) {
    this.#alert = alert;
    this.#button.addEventListener("click", () => this.#act());
    byId("notice-close").addEventListener("click", () => {
      this.#hide();
      byId("primary").focus();
    });
  }

  /**
   * @param {import("./problems.js").Problem} problem
   * @param {{label: string, act: () => void}} [action]
   */
  show(problem, action) {
    this.#about = problem.about;
    this.#title.textContent = problem.title;
    this.#advice.textContent = problem.advice;
    this.#button.hidden = !action;
    this.#button.textContent = action?.label ?? "";
    this.#act = action?.act ?? (() => {});
    this.#box.hidden = false;
    this.#alert(`${problem.title}. ${problem.advice}`);
  }

  /** Removes a notice about this, now that it is over. */
  clear(/** @type {string} */ about) {
    if (this.#about === about) this.#hide();
  }

  #hide() {
    this.#about = "";
    this.#box.hidden = true;
    this.#alert("");
  }
}
