// Runs before the first paint, so that a chosen theme never flashes. The choice is this browser's.
(() => {
  const chosen = localStorage.getItem("maestro.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
