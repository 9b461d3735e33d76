// Counts down to the end of a payment's time by the server's clock: the phone's may be wrong, and it may sleep.
(() => {
  "use strict";

  // How far the phone's clock and the time since the page was opened may part before the server is asked again.
  const SLEPT_MS = 2000;
  const SPOKEN = new Map([[300, "Restam 5 minutos para pagar."], [60, "Resta 1 minuto para pagar."]]);

  let endsAt = null;
  let apart = 0;

  const two = (number) => String(number).padStart(2, "0");

  function written(seconds) {
    const [days, hours] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24];
    const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    const whole = days ? `${days} ${days === 1 ? "dia" : "dias"} e ` : "";
    return whole + (days || hours ? `${two(hours)}:${rest}` : rest);
  }

  function begin(since) {
    const left = document.querySelector("main").dataset.secondsLeft;
    endsAt = left ? since + Number(left) * 1000 : null;
    apart = Date.now() - performance.now();
    tick();
  }

  function say(detail) {
    document.dispatchEvent(new CustomEvent("extrato:say", { detail }));
  }

  // Nobody is to pay what is over while the server cannot be asked; it is the server that says what became of it.
  function close() {
    const main = document.querySelector("main");
    const over = main.querySelector(".over");
    if (!over) return;
    const hadFocus = main.contains(document.activeElement);
    main.dataset.over = "";
    say(over.textContent);
    if (hadFocus) over.focus();
  }

  function ask() {
    document.dispatchEvent(new CustomEvent("extrato:ask"));
  }

  function tick() {
    if (endsAt === null) return;
    const seconds = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
    const place = document.querySelector("[data-countdown]");
    if (place && place.textContent !== written(seconds)) {
      place.textContent = written(seconds);
      place.parentElement.hidden = false;
      if (SPOKEN.has(seconds)) say(SPOKEN.get(seconds));
    }
    if (seconds === 0) {
      endsAt = null;
      close();
      ask();
    } else if (Math.abs(Date.now() - performance.now() - apart) > SLEPT_MS) {
      apart = Date.now() - performance.now();
      ask();
    }
  }

  // What is shown was asked for a moment ago; `live.js` says when, for what it puts in place itself.
  document.addEventListener("extrato:shown", (event) => begin(event.detail.since));
  begin(performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now());
  setInterval(tick, 250);
})();
