// The server's token: taken from the page's address, where the log of no proxy and no bookmark shall keep it, and kept
// for this tab.

const KEY = "voiceagent-token";
let token = "";

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // storage is switched off: the token is asked for again after a reload
  }
}

/** @param {string} given the token, or the whole address with it */
export function keepToken(given) {
  token = (/[?&]token=([^&#\s]+)/.exec(given)?.[1] ?? given).trim();
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // as above
  }
}

const address = new URL(location.href);
const given = address.searchParams.get("token");
if (given === null) token = read();
else {
  keepToken(given);
  address.searchParams.delete("token");
  history.replaceState(history.state, "", address);
}

/** The header with which a request comes in; none where no token is known. @returns {{[name: string]: string}} */
export const authorization = () => (token ? { Authorization: `Bearer ${token}` } : {});
