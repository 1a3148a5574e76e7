"use strict";
// Values are in titles, so that they are there without this; it shows them at once, and ties the text to the curve.
(() => {
    const tip = document.getElementById("tip");
    const curves = [...document.querySelectorAll(".curve")];
    let shown = null;

    function hide() {
        if (shown) {
            shown.title = tip.textContent;
            shown.classList.remove("on");
        }
        shown = null;
        tip.hidden = true;
        for (const curve of curves) curve.querySelector(".mark").hidden = true;
    }

    function show(element, x, y) {
        if (element !== shown) {
            hide();
            tip.textContent = element.title;
            element.title = "";
            element.classList.add("on");
            shown = element;
            tip.hidden = false;
            const row = /^r\d+$/.test(element.id) ? Number(element.id.slice(1)) : -1;
            for (const curve of curves) {
                const place = (row - curve.dataset.first + 0.5) / curve.dataset.rows, mark = curve.querySelector(".mark");
                mark.hidden = !(place > 0 && place < 1);
                mark.style.left = 100 * place + "%";
            }
        }
        const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8);
        const below = y + 18, top = below + tip.offsetHeight < innerHeight ? below : y - tip.offsetHeight - 12;
        tip.style.transform = `translate(${Math.max(left, 8)}px, ${Math.max(top, 8)}px)`;
    }

    function rowAt(curve, x) {
        const box = curve.getBoundingClientRect(), rows = Number(curve.dataset.rows);
        const row = Math.floor((x - box.left) / box.width * rows);
        return document.getElementById("r" + (Number(curve.dataset.first) + Math.min(Math.max(row, 0), rows - 1)));
    }

    addEventListener("pointermove", event => {
        const curve = event.target.closest(".curve");
        const element = curve ? rowAt(curve, event.clientX) : event.target.closest("[title], .on");
        if (element) show(element, event.clientX, event.clientY);
        else hide();
    });
    document.addEventListener("pointerleave", hide);
    addEventListener("scroll", hide, {passive: true});
    for (const curve of curves) {
        curve.addEventListener("click", event => { location.hash = rowAt(curve, event.clientX).id; });
    }
})();
