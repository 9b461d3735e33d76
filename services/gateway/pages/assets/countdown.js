// Counts down to the deadline by the server's clock: the phone's clock may be wrong, and the phone may sleep.
(() => {
  "use strict";

  // A larger difference between the phone's clock and the time since loading means that the phone slept.
  const MAX_DRIFT_MS = 2000;
  const ANNOUNCED = new Map([[300, "Restam 5 minutos para pagar."], [60, "Resta 1 minuto para pagar."]]);

  let endsAt = null;
  let offset = 0;

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
    offset = Date.now() - performance.now();
    tick();
  }

  function say(detail) {
    document.dispatchEvent(new CustomEvent("extrato:say", { detail }));
  }

  // After the deadline the page hides the code at once, also offline; the server then renders the result.
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
      if (ANNOUNCED.has(seconds)) say(ANNOUNCED.get(seconds));
    }
    if (seconds === 0) {
      endsAt = null;
      close();
      ask();
    } else if (Math.abs(Date.now() - performance.now() - offset) > MAX_DRIFT_MS) {
      offset = Date.now() - performance.now();
      ask();
    }
  }

  // The countdown starts when the response arrived; `live.js` reports that time for the pages that it fetches.
  document.addEventListener("extrato:shown", (event) => begin(event.detail.since));
  begin(performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now());
  setInterval(tick, 250);
})();
