// One step of a lane, in colour and in words.

/**
 * @typedef {object} Step times in seconds on the server's clock
 * @property {string} lane
 * @property {string} key
 * @property {number} start
 * @property {number} end
 * @property {number | null} generation
 * @property {boolean} mine
 * @property {number} [streams] how many callers it served
 * @property {number} [predicted_ms]
 * @property {number | null} [slack_ms] what was left when it began; null where it had no deadline
 * @property {"promised" | "awaited" | "speculative" | "background"} [need]
 * @property {boolean} [missed]
 * @property {"error" | "memory" | "hang" | null} [failure]
 */

const FAILURES = { error: "It failed.", memory: "It failed: too little memory.", hang: "It did not return and was given up." };

const ms = (/** @type {number} */ value) => `${value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1)} ms`;

/** The name of its colour. */
export function paint(/** @type {Step} */ { mine, generation, failure }) {
  if (failure) return "stop";
  if (!mine) return "others";
  if (generation === null) return "listening";
  return generation % 2 ? "odd" : "even";
}

/** All of it in words. */
export function describe(/** @type {string} */ lane, /** @type {Step} */ step) {
  const predicted = step.predicted_ms ? `, ${ms(step.predicted_ms)} predicted` : "";
  const sentences = [`${lane}, ${step.key}: ${ms((step.end - step.start) * 1000)}${predicted}.`];
  const slack = step.slack_ms ?? null;
  if (step.need === "speculative") sentences.push("Done early: it may be dropped.");
  else if (step.need === "background") sentences.push("For a program that waits, in the time that callers left.");
  else if (step.need === "awaited") sentences.push("A caller waited for it in silence.");
  else if (slack !== null) sentences.push(slack >= 0 ? `${ms(slack)} to spare when it began.` : `${ms(-slack)} too late when it began.`);
  if (step.missed) sentences.push("It missed its deadline.");
  if (step.failure) sentences.push(FAILURES[step.failure]);
  const answer = step.generation === null ? "" : ` for answer ${step.generation}`;
  if ((step.streams ?? 1) > 1) sentences.push(`One of ${step.streams} callers at once${step.mine ? ", you among them" : ""}${answer}.`);
  else sentences.push(step.mine ? `For you${answer && `,${answer}`}.` : "For another caller.");
  return sentences.join(" ");
}
