"use strict";
// Appended to a page: what a reader sees of it, in lines for test_html.c.
{
    const lines = [], number = (text, pattern) => (text.match(pattern) || [, "nan"])[1];
    const rgb = color => color.match(/[\d.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = color.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    // WCAG 2's contrast of a text over what is behind it.
    const contrast = (element, behind) => {
        const style = getComputedStyle(element), opacity = Number(style.opacity);
        const ink = rgb(style.color).slice(0, 3).map((x, i) => opacity * x + (1 - opacity) * behind[i]);
        const [low, high] = [luminance(ink), luminance(behind)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const page = rgb(getComputedStyle(document.body).backgroundColor);
    const move = (element, x, y) => element.dispatchEvent(
        new PointerEvent("pointermove", {bubbles: true, clientX: x, clientY: y}));
    const tip = document.getElementById("tip");

    lines.push(`dark ${matchMedia("(prefers-color-scheme: dark)").matches}`);
    for (const token of [...document.querySelectorAll(".text > span")].slice(0, 100)) {
        const title = token.title, box = token.getBoundingClientRect();
        const own = rgb(getComputedStyle(token).backgroundColor), behind = own[3] === 0 ? page : own;
        const worst = Math.min(...[token, ...token.children].map(part => contrast(part, behind)));
        move(token, box.left + 1, box.top + 1);
        lines.push([token.id, number(title, /entropy (\S+)/), number(title, /(\S+)% of log vocab/), number(title, /perplexity (\S+)/),
            number(title, /varentropy (\S+)/), number(title, /log p (\S+)/), worst, box.width * box.height, luminance(behind),
            tip.textContent === title && !tip.hidden, "text=" + encodeURIComponent(token.textContent),
            "title=" + encodeURIComponent(title)].join(" "));
    }
    for (const curve of document.querySelectorAll(".curve")) {
        const box = curve.getBoundingClientRect(), rows = Number(curve.dataset.rows);
        move(curve, box.left + 2.5 / rows * box.width, box.top + 1);
        lines.push(`over row 2: ${document.querySelector(".on").id} ${tip.hidden}`);
        const x = Math.ceil(box.left + box.width / 2); // clicks are on whole pixels
        move(curve, x, box.top + 1);
        const over = document.querySelector(".on").id;
        curve.dispatchEvent(new PointerEvent("click", {bubbles: true, clientX: x}));
        lines.push(`a click leads there: ${location.hash === "#" + over}`);
        const path = curve.querySelector("path:not(.band)").getAttribute("d");
        lines.push(`points ${path.match(/[ML]/g).length} in lines ${path.match(/M/g).length}`);
    }
    for (const bar of document.querySelectorAll(".bars i")) lines.push(`bar ${number(bar.title, /: (\d+) rows/)}`);
    for (const tile of document.querySelectorAll("dl:not(.places) div")) {
        lines.push(`tile ${tile.querySelector("dt").textContent} = ${tile.querySelector("dd").textContent}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
    lines.push(`same ids ${ids.length - new Set(ids).size}`);
    lines.push(`wide ${document.documentElement.scrollWidth > innerWidth}`);
    lines.push(`scripts ${document.scripts.length}, fetched ${performance.getEntriesByType("resource").length}`);
    lines.push(`markup ${document.querySelectorAll(".text b, .text script, .text img, h1 *").length}`);
    const result = document.createElement("pre");
    result.id = "probe";
    result.textContent = "\n\n" + lines.join("\n") + "\n";
    document.body.append(result);
}
