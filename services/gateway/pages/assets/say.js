// Announces a sentence to screen readers, then removes it, so that it is not read again later.
(() => {
  "use strict";

  // A screen reader does not announce an unchanged text, so that the element is empty for a moment first.
  const EMPTY_MS = 100;
  const SPOKEN_MS = 5000;

  let ending = null;
  // Two sentences at once are announced together, so that neither is lost.
  let waiting = [];

  document.addEventListener("extrato:say", (event) => {
    const place = document.getElementById("announcement");
    waiting.push(event.detail);
    clearTimeout(ending);
    place.textContent = "";
    ending = setTimeout(() => {
      place.textContent = waiting.join(" ");
      waiting = [];
      ending = setTimeout(() => { place.textContent = ""; }, SPOKEN_MS);
    }, EMPTY_MS);
  });
})();
