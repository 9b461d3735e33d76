// Says a sentence to who listens to the page. It does not stay, or it would be met once more when it is long untrue.
(() => {
  "use strict";

  // A sentence that is there already is not heard again: the place is empty for a moment first.
  const EMPTY_MS = 100;
  const SPOKEN_MS = 5000;

  let ending = null;
  // Of two sentences at once the first would be lost, and it may be that the code is not to be paid any more.
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
