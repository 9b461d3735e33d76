// Keeps the page true. The server writes every state; here it is only heard that something changed, and the
// page's own address is asked again.
(() => {
  "use strict";

  const POLL_MS = 5000;
  // A socket tells of every status that the hub learns; asking makes the hub itself ask the provider.
  const POLL_BESIDE_SOCKET_MS = 30000;
  // Of a charge that is ready, a provider that answers or a wish that is withdrawn no status tells.
  const UNHEARD = new Set(["preparing", "checking", "settling", "closing"]);
  const LONGEST_MS = 60000;
  const LONGEST_ANSWER_MS = 15000;
  // A page may be lost on the way; of two in a row the payer is told.
  const MISSES_TOLD = 2;

  let socket = null;
  let connecting = null;
  let asking = null;
  let askDue = 0;
  let refusals = 0;
  let misses = 0;
  let isShowing = false;
  let isAskedMeanwhile = false;

  const shown = () => document.querySelector("main");
  const isPayment = () => "standing" in shown().dataset;
  const mayMove = () => "socket" in shown().dataset;
  const backOff = (times) => Math.min(LONGEST_MS, 1000 * 2 ** times) * (0.5 + Math.random() / 2);

  // --- show ------------------------------------------------------------------------------------

  async function show() {
    stopAsking();
    if (isShowing) {
      isAskedMeanwhile = true;
      return;
    }
    isShowing = true;
    try {
      do {
        isAskedMeanwhile = false;
        const signal = AbortSignal.timeout?.(LONGEST_ANSWER_MS);
        const answer = await fetch(location.href, { cache: "no-store", redirect: "manual", signal });
        const since = performance.now();
        if (answer.type === "opaqueredirect") return leave();
        if (answer.status >= 500 || answer.status === 429) throw new Error(`answered ${answer.status}`);
        put(new DOMParser().parseFromString(await answer.text(), "text/html"), since);
      } while (isAskedMeanwhile);
      misses = 0;
    } catch {
      misses += 1; // The network or the server is away; what is shown stays until one of them is back.
    } finally {
      isShowing = false;
    }
    tellOfMisses();
    watch();
  }

  // The way to the checkout is open: by the result of a review, where one was waited for.
  function leave() {
    const { result } = shown().dataset;
    if (result) location.assign(result);
    else location.reload();
  }

  const said = (main) => [...main.querySelectorAll("h1, .lead, .notice")].map((part) => part.textContent);
  const facts = (main) => main.querySelector(".facts")?.textContent;
  const toldBy = (main) => [main.dataset.standing, main.dataset.status, facts(main), ...said(main)].join("\n");

  function put(fresh, since) {
    const [before, after] = [shown(), fresh.querySelector("main")];
    if (toldBy(before) === toldBy(after)) {
      before.dataset.secondsLeft = after.dataset.secondsLeft ?? "";
      before.dataset.detail = after.dataset.detail;
      delete before.dataset.over;
      renew(before, after);
    } else {
      const hadFocus = before.contains(document.activeElement);
      before.replaceWith(after);
      document.title = fresh.title;
      const [heading, ...sentences] = said(after);
      say(`${heading}. ${sentences.join(" ")}`);
      if (hadFocus) after.querySelector("h1").focus();
      scrollTo({ top: 0 });
    }
    document.dispatchEvent(new CustomEvent("extrato:shown", { detail: { since } }));
  }

  // The token in a page's addresses may end, and the server gives the next one.
  function renew(before, after) {
    for (const name of ["socket", "result"]) {
      if (name in before.dataset && name in after.dataset) before.dataset[name] = after.dataset[name];
    }
    const links = after.querySelectorAll("a[href]");
    before.querySelectorAll("a[href]").forEach((link, place) => {
      if (links[place]?.textContent === link.textContent) link.href = links[place].getAttribute("href");
    });
  }

  function tellOfMisses() {
    const root = document.documentElement.classList;
    const isLost = misses >= MISSES_TOLD && mayMove();
    if (isLost && !root.contains("is-lost")) say(document.querySelector(".offline").textContent);
    root.toggle("is-lost", isLost);
  }

  function say(detail) {
    document.dispatchEvent(new CustomEvent("extrato:say", { detail }));
  }

  function hear(told) {
    const { status, detail } = shown().dataset;
    if (told && (told.status !== status || (told.status_detail ?? "") !== detail)) show();
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
      if (frame.type === "snapshot") hear(frame.payments[0]);
      if (frame.type === "event" && frame.event === "StatusChanged") hear(frame.data);
    };
    socket.onclose = () => {
      socket = null;
      refusals += 1;
      watch();
    };
  }

  // --- watch -------------------------------------------------------------------------------------

  function watch() {
    if (!mayMove()) return rest();
    if (!socket && !connecting) connecting = setTimeout(connect, refusals ? backOff(refusals) : 0);
    // Whoever comes back is shown how things stand, at once.
    if (document.hidden) return stopAsking();
    const isHeard = socket?.readyState === WebSocket.OPEN && !UNHEARD.has(shown().dataset.standing);
    const pause = misses ? backOff(misses) : isHeard ? POLL_BESIDE_SOCKET_MS : POLL_MS;
    const due = performance.now() + pause;
    // A question that is due sooner stays: sockets that come and go must not put it off for ever.
    if (asking && askDue <= due) return;
    stopAsking();
    askDue = due;
    asking = setTimeout(show, pause);
  }

  function stopAsking() {
    clearTimeout(asking);
    asking = null;
  }

  function rest() {
    stopAsking();
    clearTimeout(connecting);
    connecting = null;
    socket?.close();
  }

  // What is paid or over is looked at again too, by who comes back to it: it may have been given back, or paid twice.
  const lookAgain = () => isPayment() && show();
  document.addEventListener("visibilitychange", () => (document.hidden ? watch() : lookAgain()));
  document.addEventListener("extrato:ask", lookAgain);
  addEventListener("pageshow", (event) => event.persisted && lookAgain());
  addEventListener("online", lookAgain);
  document.documentElement.classList.add("is-live");
  watch();
})();
