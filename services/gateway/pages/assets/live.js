// Keeps the page true. The server writes every state; here it is only heard that something changed, and the
// page's own address is asked again.
(() => {
  "use strict";

  const POLL_MS = 5000;
  // A socket tells of everything that the hub learns; asking makes the hub itself ask the provider.
  const POLL_BESIDE_SOCKET_MS = 30000;
  const LONGEST_MS = 60000;

  let socket = null;
  let connecting = null;
  let checking = null;
  let checkDue = 0;
  let refusals = 0;
  let misses = 0;
  let isShowing = false;
  let isAskedMeanwhile = false;

  const shown = () => document.querySelector("main");
  const mayMove = () => Boolean(shown().dataset.check);
  const backOff = (times) => Math.min(LONGEST_MS, 1000 * 2 ** times) * (0.5 + Math.random() / 2);

  // --- show ------------------------------------------------------------------------------------

  async function show() {
    if (isShowing) {
      isAskedMeanwhile = true;
      return;
    }
    isShowing = true;
    try {
      do {
        isAskedMeanwhile = false;
        const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
        const since = performance.now();
        if (answer.type === "opaqueredirect") return location.reload();
        if (answer.status >= 500 || answer.status === 429) throw new Error(`answered ${answer.status}`);
        put(new DOMParser().parseFromString(await answer.text(), "text/html"), since);
      } while (isAskedMeanwhile);
    } catch {
      misses += 1; // The network or the server is away; what is shown stays until one of them is back.
    } finally {
      isShowing = false;
    }
    watch();
  }

  function put(fresh, since) {
    const [before, after] = [shown(), fresh.querySelector("main")];
    if (before.dataset.standing === after.dataset.standing && before.dataset.status === after.dataset.status) {
      before.dataset.secondsLeft = after.dataset.secondsLeft ?? "";
    } else {
      const hadFocus = before.contains(document.activeElement);
      before.replaceWith(after);
      document.title = fresh.title;
      const heading = after.querySelector("h1");
      const lead = after.querySelector(".lead");
      document.getElementById("announcement").textContent = `${heading.textContent}. ${lead?.textContent ?? ""}`;
      if (hadFocus) heading.focus();
      scrollTo({ top: 0 });
    }
    document.dispatchEvent(new CustomEvent("extrato:shown", { detail: { since } }));
  }

  function hear(status) {
    if (status && status !== shown().dataset.status) show();
  }

  // --- hear ------------------------------------------------------------------------------------

  function connect() {
    connecting = null;
    if (socket || !mayMove()) return;
    const address = new URL(shown().dataset.socket, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onopen = () => {
      refusals = 0;
      watch();
    };
    socket.onmessage = (message) => {
      const frame = JSON.parse(message.data);
      if (frame.type === "snapshot") hear(frame.payments[0]?.status);
      if (frame.type === "event" && frame.event === "StatusChanged") hear(frame.data.status);
    };
    socket.onclose = () => {
      socket = null;
      refusals += 1;
      watch();
    };
  }

  // --- ask ---------------------------------------------------------------------------------------

  async function check() {
    checking = null;
    try {
      const answer = await fetch(shown().dataset.check, { cache: "no-store" });
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      hear((await answer.json()).status);
      misses = 0;
    } catch {
      misses += 1;
    }
    watch();
  }

  // --- watch -------------------------------------------------------------------------------------

  function watch() {
    if (!mayMove()) return rest();
    if (!socket && !connecting) connecting = setTimeout(connect, refusals ? backOff(refusals) : 0);
    // Whoever comes back is shown how things stand, at once.
    if (document.hidden) return stopChecking();
    const isHeard = socket?.readyState === WebSocket.OPEN;
    const pause = Math.min(LONGEST_MS, (isHeard ? POLL_BESIDE_SOCKET_MS : POLL_MS) * 2 ** misses);
    const due = performance.now() + pause;
    // A question that is due sooner stays: sockets that come and go must not put it off for ever.
    if (checking && checkDue <= due) return;
    stopChecking();
    checkDue = due;
    checking = setTimeout(check, pause);
  }

  function stopChecking() {
    clearTimeout(checking);
    checking = null;
  }

  function rest() {
    stopChecking();
    clearTimeout(connecting);
    connecting = null;
    socket?.close();
  }

  const lookAgain = () => mayMove() && show();
  document.addEventListener("visibilitychange", () => (document.hidden ? watch() : lookAgain()));
  document.addEventListener("extrato:ask", lookAgain);
  addEventListener("pageshow", (event) => event.persisted && lookAgain());
  addEventListener("online", lookAgain);
  watch();
})();
