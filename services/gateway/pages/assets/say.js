// Says a sentence to who listens to the page. It does not stay, or it would be met once more when it is long untrue.
(() => {
  "use strict";

  // A sentence that is there already is not heard again: the place is empty for a moment first.
  const EMPTY_MS = 100;
  const SPOKEN_MS = 5000;

  let ending = null;

  document.addEventListener("extrato:say", (event) => {
    const place = document.getElementById("announcement");
    clearTimeout(ending);
    place.textContent = "";
    ending = setTimeout(() => {
      place.textContent = event.detail;
      ending = setTimeout(() => { place.textContent = ""; }, SPOKEN_MS);
    }, EMPTY_MS);
  });
})();
