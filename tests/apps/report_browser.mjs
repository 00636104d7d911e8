// Opens a report's page in a browser as a reader would, handles it, and writes what it sees as JSON.
// It judges nothing: tests/apps/report_browser_test.cpp does.
//
//   node tests/apps/report_browser.mjs OUT.json PAGE.html…
import {writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const {chromium} = createRequire(resolve('build/node/package.json'))('playwright-core');

// Strokes on a sheet of 1 × 1, drawn with the mouse.
const drawings = {
  seven: [[[0.2, 0.2], [0.7, 0.2], [0.4, 0.8]]],
  four: [[[0.5, 0.1], [0.3, 0.5], [0.8, 0.5]], [[0.6, 0.3], [0.6, 0.9]]],
  cornered: [[[0.75, 0.7], [0.95, 0.7], [0.9, 0.95]]],
  wide: [[[0.1, 0.5], [0.9, 0.55]]],
};

// The bars of a chart, series by series, as shares of its axis's length.
const barsOf = (page, chart) => page.evaluate((id) => {
  const picture = document.querySelector(`#${id} svg[role=img]`);
  const axis = picture.querySelector('.axis').y1.baseVal.value;
  const top = Math.min(...[...picture.querySelectorAll('.grid')].map((line) => line.y1.baseVal.value));
  return [...picture.querySelectorAll('g')].map((series) => [...series.querySelectorAll('rect')].map(
      (bar) => bar.height.baseVal.value / (axis - top)));
}, chart);

const texts = (page, selector) => page.locator(selector).allTextContents();

async function move(page, value) {
  await page.locator('#t').evaluate((slider, v) => {
    slider.value = String(v);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
  }, value);
}

async function choose(page, index) {
  await page.locator('#index').fill(String(index));
  await page.locator('#index').press('Enter');
}

const axis = (page, kind) =>
  page.locator(`input[name=scale][value=${kind}]`).evaluate((radio) => radio.click());

async function temperatures(page) {
  const seen = [];
  for (const index of [0, 7, 55]) {
    await choose(page, index);
    for (const v of [0, 148, 237, 400]) {
      await move(page, v);
      await axis(page, 'linear');
      const linear = await barsOf(page, 'probabilities');
      await axis(page, 'log');
      seen.push({
        index,
        v,
        linear,
        logarithmic: await barsOf(page, 'probabilities'),
        entropies: (await texts(page, '#entropies td:last-child')).map(Number),
        text: await page.locator('#t-value').textContent(),
      });
    }
  }
  return seen;
}

async function draw(page, strokes) {
  await page.locator('#clear').click();
  const canvas = page.locator('#canvas');
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  for (const [first, ...rest] of strokes) {
    const to = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...to(first));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...to(point), {steps: 3});
    await page.mouse.up();
  }
  return seenDrawing(page);
}

// What the students get to see, and what the page says of it at T = 1.
async function seenDrawing(page) {
  await page.locator('#t-one').evaluate((button) => button.click());
  const {pixels, logits} = await page.evaluate(() => {
    const {pixels, logits} = limbeck.draw.seen();
    return {pixels: [...pixels], logits};
  });
  const shown = await page.locator('#prepared').evaluate((canvas) => {
    const copy = new OffscreenCanvas(28, 28).getContext('2d');
    copy.drawImage(canvas, 0, 0);
    const {data} = copy.getImageData(0, 0, 28, 28);
    return Array.from({length: 784}, (_, i) => data[4 * i]);
  });
  return {
    pixels,
    logits,
    shown,
    answers: (await texts(page, '#answer strong')).map(Number),
    bars: await barsOf(page, 'drawn-chart'),
    spoken: await page.locator('#spoken-answer').textContent(),
  };
}

async function keyboard(page) {
  const seen = {};
  await page.locator('#t').focus();
  const value = async () => Number(await page.locator('#t').inputValue());
  await page.keyboard.press('Home');
  seen.home = [await value(), await page.locator('#t').getAttribute('aria-valuetext')];
  for (let i = 0; i < 3; ++i) await page.keyboard.press('ArrowRight');
  seen.right = await value();
  await page.keyboard.press('End');
  seen.end = [await value(), await page.locator('#t').getAttribute('aria-valuetext')];
  seen.outline = await page.locator('#t').evaluate((slider) => getComputedStyle(slider).outlineStyle);
  await page.locator('#gallery button').nth(2).focus();
  await page.keyboard.press('Enter');
  seen.pressed = await page.locator('#gallery button[aria-pressed=true]').getAttribute('data-index');
  seen.index = await page.locator('#index').inputValue();
  return seen;
}

// The number of images under each filter, and what is said of it.
async function gallery(page) {
  const seen = [];
  for (let i = 0; i < await page.locator('#filter option').count(); ++i) {
    await page.locator('#filter').selectOption(String(i));
    seen.push({
      filter: await page.locator('#filter option').nth(i).textContent(),
      images: await page.locator('#gallery button').count(),
      note: await page.locator('#gallery-note').textContent(),
    });
  }
  await page.locator('#filter').selectOption('0');
  return seen;
}

// On a phone: the page's width, and a touch of the sheet.
async function phone(browser, url) {
  const context = await browser.newContext({viewport: {width: 360, height: 740}, hasTouch: true});
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('details').evaluateAll((all) => all.forEach((one) => one.open = true));
  await page.waitForTimeout(100);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  let touched = null;
  if (await page.locator('#canvas').isVisible()) {
    await page.locator('#canvas').tap();
    touched = await page.evaluate(() => limbeck.draw.seen() !== null);
  }
  await context.close();
  return {width, touched};
}

async function colours(page) {
  const seen = {};
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({colorScheme});
    seen[colorScheme] = await page.evaluate(() => {
      const {color, backgroundColor} = getComputedStyle(document.body);
      return {color, backgroundColor};
    });
  }
  return seen;
}

// What the page shows when all of it is tried out.
async function handled(page) {
  const seen = {
    gallery: await gallery(page),
    temperatures: await temperatures(page),
    keyboard: await keyboard(page),
    drawings: {},
    colours: await colours(page),
  };
  for (const [name, strokes] of Object.entries(drawings)) {
    seen.drawings[name] = await draw(page, strokes);
  }
  return seen;
}

async function look(browser, url) {
  const page = await browser.newPage({viewport: {width: 1280, height: 900}});
  page.setDefaultTimeout(60_000);  // the machine may be busy
  const seen = {complaints: [], requests: []};
  page.on('console', (message) => seen.complaints.push(message.text()));
  page.on('pageerror', (error) => seen.complaints.push(error.stack));
  page.on('request', (request) => {
    if (request.url() !== url) seen.requests.push(request.url());
  });
  await page.goto(url);
  await page.locator('#probabilities svg[role=img]').waitFor();
  seen.title = await page.title();
  seen.rows = await texts(page, '#results-table tbody tr');
  seen.leftOut = await page.locator('#left-out').isVisible() ?
      await page.locator('#left-out').textContent() : '';
  seen.canDraw = await page.locator('#canvas').isVisible();
  if (seen.canDraw) Object.assign(seen, await handled(page));
  await page.close();
  seen.phone = await phone(browser, url);
  return seen;
}

const [out, ...pages] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--disable-gpu', ...process.getuid() === 0 ? ['--no-sandbox'] : []],
});
const seen = [];
for (const page of pages) seen.push(await look(browser, pathToFileURL(page).href));
await browser.close();
writeFileSync(out, JSON.stringify(seen));
