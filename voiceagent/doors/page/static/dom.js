// Small helpers over the DOM, shared by every module of the page.

/**
 * The element with this id; the page is broken without it, so a missing one is an error.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no element #${id}`);
  return found;
}

/**
 * @param {string} tag
 * @param {{[name: string]: any}} properties DOM properties, as in `{className: "word", textContent: "Hello"}`
 * @param {(Node | string)[]} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * Sizes a canvas's pixels to its place on the screen and returns a cleared context in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 */
export function surface(canvas) {
  const ratio = globalThis.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** @type {Map<string, string>} */
const colours = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours.clear());

/**
 * The current value of a colour of style.css, by name: `colour("agent")`.
 * @param {string} name
 */
export function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(name, value);
  }
  return value;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** True where the user asked their system for less motion. */
export const reducedMotion = () => calm.matches;
