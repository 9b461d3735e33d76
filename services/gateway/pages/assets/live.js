// Keeps the page up to date. The server renders every state; this script only notices a change, and fetches the
// page's own address again.
(() => {
  "use strict";

  const POLL_MS = 5000;
  // A socket reports every status that the hub records; a poll also makes the hub ask the provider.
  const POLL_WITH_SOCKET_MS = 30000;
  // These states may end without a change of status, so that the socket does not report it.
  const WITHOUT_EVENTS = new Set(["preparing", "checking", "settling", "closing"]);
  const MAX_BACKOFF_MS = 60000;
  const FETCH_TIMEOUT_MS = 15000;
  // One failed fetch may be chance; after two in a row the page says that it is offline.
  const MAX_SILENT_FAILURES = 2;

  let socket = null;
  let connecting = null;
  let polling = null;
  let pollDue = 0;
  let disconnects = 0;
  let failures = 0;
  let isRefreshing = false;
  let isRefreshQueued = false;

  const main = () => document.querySelector("main");
  const isPayment = () => "standing" in main().dataset;
  const mayMove = () => "socket" in main().dataset;
  const backOff = (times) => Math.min(MAX_BACKOFF_MS, 1000 * 2 ** times) * (0.5 + Math.random() / 2);

  // --- refresh ---------------------------------------------------------------------------------

  async function refresh() {
    stopPolling();
    if (isRefreshing) {
      isRefreshQueued = true;
      return;
    }
    isRefreshing = true;
    try {
      do {
        isRefreshQueued = false;
        const signal = AbortSignal.timeout?.(FETCH_TIMEOUT_MS);
        const answer = await fetch(location.href, { cache: "no-store", redirect: "manual", signal });
        const since = performance.now();
        if (answer.type === "opaqueredirect") return leave();
        if (answer.status >= 500 || answer.status === 429) throw new Error(`answered ${answer.status}`);
        replace(new DOMParser().parseFromString(await answer.text(), "text/html"), since);
      } while (isRefreshQueued);
      failures = 0;
    } catch {
      failures += 1; // The network or the server does not answer; the page stays as it is.
    } finally {
      isRefreshing = false;
    }
    showOffline();
    watch();
  }

  // The server redirects to the checkout; after a review, the page shows its result first.
  function leave() {
    const { result } = main().dataset;
    if (result) location.assign(result);
    else location.reload();
  }

  const texts = (part) => [...part.querySelectorAll("h1, .lead, .notice")].map((part) => part.textContent);
  const facts = (part) => part.querySelector(".facts")?.textContent;
  const contentOf = (part) => [part.dataset.standing, part.dataset.status, facts(part), ...texts(part)].join("\n");

  function replace(fresh, since) {
    const [before, after] = [main(), fresh.querySelector("main")];
    if (contentOf(before) === contentOf(after)) {
      before.dataset.secondsLeft = after.dataset.secondsLeft ?? "";
      before.dataset.detail = after.dataset.detail;
      delete before.dataset.over;
      renew(before, after);
    } else {
      const hadFocus = before.contains(document.activeElement);
      before.replaceWith(after);
      document.title = fresh.title;
      const [heading, ...sentences] = texts(after);
      say(`${heading}. ${sentences.join(" ")}`);
      if (hadFocus) after.querySelector("h1").focus();
      scrollTo({ top: 0 });
    }
    document.dispatchEvent(new CustomEvent("extrato:shown", { detail: { since } }));
  }

  // The token in the links of a page may expire; the server sends a fresh one.
  function renew(before, after) {
    for (const name of ["socket", "result"]) {
      if (name in before.dataset && name in after.dataset) before.dataset[name] = after.dataset[name];
    }
    const links = after.querySelectorAll("a[href]");
    before.querySelectorAll("a[href]").forEach((link, index) => {
      if (links[index]?.textContent === link.textContent) link.href = links[index].getAttribute("href");
    });
  }

  function showOffline() {
    const root = document.documentElement.classList;
    const isLost = failures >= MAX_SILENT_FAILURES && mayMove();
    if (isLost && !root.contains("is-lost")) say(document.querySelector(".offline").textContent);
    root.toggle("is-lost", isLost);
  }

  function say(detail) {
    document.dispatchEvent(new CustomEvent("extrato:say", { detail }));
  }

  function compare(state) {
    const { status, detail } = main().dataset;
    if (state && (state.status !== status || (state.status_detail ?? "") !== detail)) refresh();
  }

  // --- listen ----------------------------------------------------------------------------------

  function connect() {
    connecting = null;
    if (socket || !mayMove()) return;
    const address = new URL(main().dataset.socket, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onopen = () => {
      disconnects = 0;
      watch();
    };
    socket.onmessage = (message) => {
      const frame = JSON.parse(message.data);
      if (frame.type === "snapshot") compare(frame.payments[0]);
      if (frame.type === "event" && frame.event === "StatusChanged") compare(frame.data);
    };
    socket.onclose = () => {
      socket = null;
      disconnects += 1;
      watch();
    };
  }

  // --- watch -------------------------------------------------------------------------------------

  function watch() {
    if (!mayMove()) return stop();
    if (!socket && !connecting) connecting = setTimeout(connect, disconnects ? backOff(disconnects) : 0);
    // A hidden page does not poll; it refreshes when the payer returns to it.
    if (document.hidden) return stopPolling();
    const hasEvents = socket?.readyState === WebSocket.OPEN && !WITHOUT_EVENTS.has(main().dataset.standing);
    const pause = failures ? backOff(failures) : hasEvents ? POLL_WITH_SOCKET_MS : POLL_MS;
    const due = performance.now() + pause;
    // An earlier poll stays scheduled, so that reconnecting sockets do not postpone it again and again.
    if (polling && pollDue <= due) return;
    stopPolling();
    pollDue = due;
    polling = setTimeout(refresh, pause);
  }

  function stopPolling() {
    clearTimeout(polling);
    polling = null;
  }

  function stop() {
    stopPolling();
    clearTimeout(connecting);
    connecting = null;
    socket?.close();
  }

  // A final page is refreshed too when the payer returns: it may have been refunded, or paid twice.
  const refreshPayment = () => isPayment() && refresh();
  document.addEventListener("visibilitychange", () => (document.hidden ? watch() : refreshPayment()));
  document.addEventListener("extrato:ask", refreshPayment);
  addEventListener("pageshow", (event) => event.persisted && refreshPayment());
  addEventListener("online", refreshPayment);
  document.documentElement.classList.add("is-live");
  watch();
})();
