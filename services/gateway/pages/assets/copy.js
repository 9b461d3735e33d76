// Copies a code by a button, and says so to eyes and ears; without a clipboard the code is selected instead.
(() => {
  "use strict";

  const SHOWN_MS = 4000;
  // A browser that asks its user, or lies in a sheet of another app, may answer never.
  const LONGEST_MS = 1500;

  let ending = null;

  const refusedLater = () => new Promise((_, refuse) => setTimeout(refuse, LONGEST_MS));

  async function copy(code) {
    try {
      await Promise.race([navigator.clipboard.writeText(code.value), refusedLater()]);
      return true;
    } catch {
      // No clipboard here, or it was not allowed: a page without https has none.
      code.focus();
      code.select();
      return document.execCommand("copy");
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const words = (button.dataset.words ??= button.textContent);
    const copied = await copy(document.getElementById(button.dataset.copies));
    button.textContent = copied ? "Código copiado" : "Código selecionado: copie";
    const detail = copied
      ? "Código copiado. Cole no aplicativo do seu banco."
      : "Código selecionado. Copie e cole no aplicativo do seu banco.";
    document.dispatchEvent(new CustomEvent("extrato:say", { detail }));
    clearTimeout(ending);
    ending = setTimeout(() => { button.textContent = words; }, SHOWN_MS);
  });

  // One touch on the code is enough to have all of it.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea[readonly]")) event.target.select();
  });

  document.documentElement.classList.add("can-copy");
})();
