"use strict";
(() => {
  const rollouts = [...document.querySelectorAll("#rollouts > .rollout")];
  if (rollouts.length === 0) return;
  const keys = ["arm", "set", "item"];
  const menus = keys.map((key) => document.getElementById("pick-" + key));
  const wanted = { arm: document.getElementById("rollouts").dataset.start };

  // Fills each menu with what the choices before it leave, and keeps a choice where it still exists.
  function show() {
    let left = rollouts;
    keys.forEach((key, i) => {
      const values = [...new Set(left.map((rollout) => rollout.dataset[key]))];
      if (!values.includes(wanted[key])) wanted[key] = values[0];
      menus[i].replaceChildren(...values.map((value) => new Option(value, value, false, value === wanted[key])));
      left = left.filter((rollout) => rollout.dataset[key] === wanted[key]);
    });
    for (const rollout of rollouts) {
      rollout.hidden = rollout !== left[0];
      rollout.open = rollout === left[0];
    }
  }

  menus.forEach((menu, i) => menu.addEventListener("change", () => {
    wanted[keys[i]] = menu.value;
    show();
  }));
  document.getElementById("controls").hidden = false;
  show();
})();
