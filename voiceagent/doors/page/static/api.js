// The server's HTTP side: configuration, offer, trickled candidates. Every failure comes out as a Problem.

import { Problem } from "./problems.js";
import { authorization } from "./token.js";

const ANSWER_TIMEOUT_MS = 15_000;

/** The server among several behind one address that has the call (docs/scale-out.md). */
let replica = "";

/** Seconds to wait, from a Retry-After header in either of its forms (RFC 9110, 10.2.3). */
function retryAfter(/** @type {string | null} */ header) {
  if (!header) return 0;
  const seconds = Number(header);
  return Math.max(0, Number.isFinite(seconds) ? seconds : (Date.parse(header) - Date.now()) / 1000 || 0);
}

/**
 * @param {string} path relative to the page, so that the page works below any prefix
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function request(path, options) {
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      ...options,
      headers: { ...options?.headers, ...authorization(), ...(replica && { "X-Session-Id": replica }) },
    });
  } catch {
    throw new Problem("unreachable");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && options?.method) replica = response.headers.get("X-Session-Id") ?? "";
  if (response.ok && body) return body;
  // Without words of its own, a 5xx comes from a proxy whose server is away.
  throw new Problem(body?.error?.code ?? (response.status < 500 ? "refused" : "unreachable"), {
    message: body?.error?.message,
    retryAfter: retryAfter(response.headers.get("Retry-After")),
    status: response.status,
  });
}

const json = (/** @type {string} */ method, /** @type {unknown} */ body) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

/** @returns {Promise<{ice_servers?: RTCIceServer[], name?: string, models?: {[part: string]: string}, callers?: {now: number, capacity: number | null, most: number}, watch?: boolean}>} */
export const getConfig = () => request("page/config", { cache: "no-store" });

/**
 * @param {RTCSessionDescription} offer
 * @param {import("./resume.js").Claim | null} resume the call that it goes on with
 * @returns {Promise<{sdp: string, type: RTCSdpType, pc_id: string}>}
 */
export const postOffer = ({ sdp, type }, resume) =>
  request("page/offer", json("POST", { sdp, type, pc_id: null, ...(resume && { resume }) }));

/**
 * A later offer of a call that goes on.
 * @param {RTCSessionDescription} offer @param {string} id
 * @returns {Promise<{sdp: string, type: RTCSdpType, pc_id: string}>}
 */
export const renegotiate = ({ sdp, type }, id) => request("page/offer", json("POST", { sdp, type, pc_id: id }));

/** @param {string} id @param {RTCIceCandidate[]} candidates */
export const patchCandidates = (id, candidates) =>
  request(
    "page/offer",
    json("PATCH", {
      pc_id: id,
      candidates: candidates.map(({ candidate, sdpMid, sdpMLineIndex }) => ({
        candidate,
        sdp_mid: sdpMid,
        sdp_mline_index: sdpMLineIndex,
      })),
    }),
  );
