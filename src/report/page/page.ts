/**
 * The script of the HTML report: the coverage map and the filter of findings. The page is whole without
 * it. It gets its data from the page, asks no network, and puts text into the page as text only.
 */
(() => {
  /** As html.ts writes it. Times in epoch seconds. */
  interface MapData {
    readonly start: number;
    readonly end: number;
    readonly states: readonly string[];
    readonly causes: readonly string[];
    /** Accused log files: row, time, state, code. */
    readonly marks: readonly (readonly [number, number, number, string])[];
    /** A chain's name, and its stretches: start, end, state, cause (-1 for none), one after the other. */
    readonly chains: readonly { readonly name: string; readonly v: readonly number[] }[];
  }

  interface Stretch {
    readonly start: number;
    readonly end: number;
    readonly state: string;
    readonly cause: string;
  }

  const HOUR = 3600;
  const DAY = 86_400;
  const ROW = 16;
  const AXIS = 28;
  /** Pixels between two times of the axis, at least. */
  const GAP = 8;
  /** On paper: pixels of a line, and rows that stay together. */
  const PAPER = 960;
  const SHEET = 34;
  /** Findings that stand in the table before all are asked for. */
  const FIRST = 100;
  /** Of what overlaps in a pixel, the later is drawn over the earlier. */
  const ORDER = ['proved', 'not-due', 'gap', 'unreadable', 'altered', 'missing'];

  const byId = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
  const iso = (seconds: number): string =>
    new Date(seconds * 1000).toISOString().replace(/\.\d{3}Z$/, 'Z');

  const data = JSON.parse(byId('map-data').textContent) as MapData;
  const chains = data.chains.map(({ name, v }) => {
    const stretches: Stretch[] = [];
    for (let at = 0; at < v.length; at += 4) {
      const [start = 0, end = 0, state = 0, cause = -1] = v.slice(at, at + 4);
      stretches.push({
        ...{ start, end, state: data.states[state] ?? '' },
        cause: data.causes[cause] ?? '',
      });
    }
    return { name, stretches, marks: [] as { time: number; state: string; code: string }[] };
  });
  for (const [row, time, state, code] of data.marks) {
    chains[row]?.marks.push({ time, state: data.states[state] ?? '', code });
  }

  const frame = byId('map') as HTMLDivElement;
  const canvas = byId('map-canvas') as HTMLCanvasElement;
  const spacer = byId('map-spacer') as HTMLDivElement;
  const tip = byId('map-tip') as HTMLDivElement;
  const said = byId('map-said') as HTMLDivElement;
  const pen = canvas.getContext('2d');
  if (!pen) return;

  let from = data.start;
  let to = data.end;
  /** Of what is drawn to, in CSS pixels. */
  let width = canvas.clientWidth;
  let cursor = { row: 0, at: 0 };
  let isFocused = false;
  /** The last time of the cursor's row that was told. */
  let toldTo = -Infinity;

  const colourOf = (name: string): string =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  /** A tile that tells a state by its strokes as well, for eyes and printers without colour. */
  function tile(state: string): CanvasPattern | string {
    const own = document.createElement('canvas');
    own.width = own.height = 8;
    const brush = own.getContext('2d');
    if (!brush) return colourOf(state);
    brush.fillStyle = colourOf(state);
    brush.fillRect(0, 0, 8, 8);
    brush.strokeStyle = colourOf('stroke');
    brush.lineWidth = 1.5;
    const line = (x1: number, y1: number, x2: number, y2: number): void => {
      brush.beginPath();
      brush.moveTo(x1, y1);
      brush.lineTo(x2, y2);
      brush.stroke();
    };
    if (state === 'gap' || state === 'altered') line(0, 8, 8, 0);
    if (state === 'altered') line(0, 0, 8, 8);
    if (state === 'unreadable') line(4, 0, 4, 8);
    return pen?.createPattern(own, 'repeat') ?? colourOf(state);
  }

  let tiles = new Map<string, CanvasPattern | string>();

  const labelWidth = (): number => Math.min(230, Math.max(130, width * 0.3));
  const mapWidth = (): number => Math.max(1, width - labelWidth());
  const xOf = (time: number): number => labelWidth() + ((time - from) / (to - from)) * mapWidth();
  const timeOf = (x: number): number => from + ((x - labelWidth()) / mapWidth()) * (to - from);

  /** Seconds between two marks of the axis, so that they stand apart. */
  function tick(): number {
    const steps = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
    const most = Math.max(2, Math.floor(mapWidth() / 90));
    const span = to - from;
    return (
      [...steps, 30.4375 * DAY, 91.3125 * DAY, 365.25 * DAY].find((step) => span / step <= most) ??
      365.25 * DAY
    );
  }

  /** The times of the marks: at full hours and days, and for longer steps at firsts of months. */
  function marks(): number[] {
    const step = tick();
    const found: number[] = [];
    if (step < 30 * DAY) {
      for (let at = Math.ceil(from / step) * step; at < to; at += step) found.push(at);
      return found;
    }
    const months = step < 60 * DAY ? 1 : step < 200 * DAY ? 3 : 12;
    const first = new Date(from * 1000);
    const month = Math.floor(first.getUTCMonth() / months) * months;
    for (let at = 0; ; at += months) {
      const time = Date.UTC(first.getUTCFullYear(), month + at, 1) / 1000;
      if (time >= to) return found;
      if (time >= from) found.push(time);
    }
  }

  /** Both ends of what is shown have their time above them, and marks between where there is room. */
  function drawAxis(brush: CanvasRenderingContext2D, height: number): void {
    brush.fillStyle = colourOf('text');
    brush.strokeStyle = colourOf('line');
    brush.lineWidth = 1;
    const isShort = tick() < DAY;
    const taken: [number, number][] = [];
    const label = (time: number, x: number, isEnd = false): void => {
      const whole = iso(time);
      const text = isShort ? whole.slice(5, 16).replace('T', ' ') : whole.slice(0, 10);
      const size = brush.measureText(text).width;
      const left = isEnd ? x - size - 3 : x + 3;
      const right = left + size;
      const isFree = taken.every(([one, other]) => right + GAP < one || left > other + GAP);
      if (!isFree || right > width) return;
      taken.push([left, right]);
      brush.fillText(text, left, 12);
    };
    label(from, labelWidth());
    label(to, width, true);
    for (const time of marks()) {
      const x = Math.round(xOf(time)) + 0.5;
      brush.beginPath();
      brush.moveTo(x, AXIS - 6);
      brush.lineTo(x, height);
      brush.stroke();
      label(time, x);
    }
  }

  /** A chain's name in a width: its end, where it has no room, for Regions tell chains apart. */
  function fitted(brush: CanvasRenderingContext2D, name: string, width: number): string {
    if (brush.measureText(name).width <= width) return name;
    let rest = name.slice(1);
    while (rest.length > 1 && brush.measureText(`…${rest}`).width > width) rest = rest.slice(1);
    return `…${rest}`;
  }

  function drawRow(brush: CanvasRenderingContext2D, row: number, y: number): void {
    const chain = chains[row];
    if (!chain) return;
    const left = labelWidth();
    for (const state of ORDER) {
      brush.fillStyle = tiles.get(state) ?? '';
      for (const one of chain.stretches) {
        if (one.state !== state || one.end <= from || one.start >= to) continue;
        const x1 = Math.max(left, xOf(one.start));
        const x2 = Math.min(width, xOf(one.end));
        // An hour of a year is less than a pixel: a hole must show nevertheless.
        const least = state === 'proved' ? 0 : 2;
        brush.fillRect(x1, y + 1, Math.max(x2 - x1, least), ROW - 2);
      }
    }
    for (const { time, state } of chain.marks) {
      if (time < from || time >= to) continue;
      const x = xOf(time);
      brush.fillStyle = colourOf('paper');
      brush.fillRect(x - 4, y, 8, ROW);
      brush.fillStyle = tiles.get(state) ?? '';
      brush.fillRect(x - 3, y, 6, ROW);
    }
    brush.fillStyle = colourOf('text');
    brush.save();
    brush.beginPath();
    brush.rect(0, y, left - 6, ROW);
    brush.clip();
    brush.fillText(fitted(brush, chain.name, left - 8), 2, y + ROW - 4);
    brush.restore();
    if (isFocused && row === cursor.row) {
      brush.strokeStyle = colourOf('text');
      brush.lineWidth = 2;
      brush.strokeRect(1, y + 0.5, width - 2, ROW - 1);
      const x = xOf(cursor.at);
      brush.fillStyle = colourOf('text');
      if (x >= left) brush.fillRect(x - 1, y - 2, 2, ROW + 4);
    }
  }

  /** Draws the rows that stand so many pixels below the first. */
  function drawOn(sheet: HTMLCanvasElement, height: number, top: number): void {
    const brush = sheet.getContext('2d');
    if (!brush) return;
    const ratio = window.devicePixelRatio || 1;
    sheet.width = Math.round(width * ratio);
    sheet.height = Math.round(height * ratio);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.font = '12px system-ui, sans-serif';
    brush.fillStyle = colourOf('paper');
    brush.fillRect(0, 0, width, height);
    const first = Math.floor(top / ROW);
    const shift = top % ROW;
    for (let row = first; AXIS + (row - first) * ROW - shift < height; row++) {
      drawRow(brush, row, AXIS + (row - first) * ROW - shift);
    }
    brush.fillStyle = colourOf('paper');
    brush.fillRect(0, 0, width, AXIS - 2);
    drawAxis(brush, height);
  }

  function draw(): void {
    width = canvas.clientWidth;
    drawOn(canvas, canvas.clientHeight, frame.scrollTop);
  }

  let isDue = false;
  function redraw(): void {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  }

  /** What is at a time, of what a few pixels hold the gravest. */
  function stretchAt(row: number, time: number): Stretch | undefined {
    const near = ((to - from) / mapWidth()) * 2;
    let found: Stretch | undefined;
    for (const one of chains[row]?.stretches ?? []) {
      const isHit = one.start <= time && time < one.end;
      const isNear = one.state !== 'proved' && one.start - near <= time && time < one.end + near;
      if (!isHit && !isNear) continue;
      if (!found || ORDER.indexOf(one.state) >= ORDER.indexOf(found.state)) found = one;
    }
    return found;
  }

  /** What is at a time, with the log files in a few pixels around it, or of them only those since a time. */
  function describe(row: number, time: number, since = -Infinity): { text: string; until: number } {
    const { name = '', marks = [] } = chains[row] ?? {};
    const one = stretchAt(row, time);
    const near = ((to - from) / mapWidth()) * 4;
    const groups = new Map<string, { time: number; code: string; files: number }>();
    const found = marks.filter((mark) => mark.time >= since && Math.abs(mark.time - time) <= near);
    for (const mark of found.sort((a, b) => a.time - b.time)) {
      const group = groups.get(`${mark.time} ${mark.code}`) ?? { ...mark, files: 0 };
      group.files++;
      groups.set(`${mark.time} ${mark.code}`, group);
    }
    // Those of one time are told together: the next hole lies beyond it.
    const all = [...groups.values()];
    const told = all.filter((group, at) => at < 3 || group.time === all[2]?.time);
    const words = told.map(({ time, code, files }) =>
      files === 1
        ? `log file of ${iso(time)}: ${code}`
        : `${files} log files of ${iso(time)}: ${code}`,
    );
    const rest = found.length - told.reduce((sum, { files }) => sum + files, 0);
    const cause = one && one.cause !== '' ? `, ${one.cause}` : '';
    const what = one
      ? `${one.state}${cause}, ${iso(one.start)} to ${iso(one.end)}`
      : 'not asked for';
    const parts = [`${name}: ${what}`, ...words, ...(rest > 0 ? [`and ${rest} more`] : [])];
    return { text: parts.join('; '), until: told.at(-1)?.time ?? time };
  }

  function look(start: number, end: number): void {
    const whole = data.end - data.start;
    const span = Math.min(whole, Math.max(4 * HOUR, end - start));
    from = Math.max(data.start, Math.min(data.end - span, (start + end - span) / 2));
    to = from + span;
    redraw();
  }

  const zoom = (factor: number, around = (from + to) / 2): void => {
    look(around - (around - from) * factor, around + (to - around) * factor);
  };
  const pan = (share: number): void => {
    const step = (to - from) * share;
    const start = Math.max(data.start, Math.min(data.end - (to - from), from + step));
    look(start, start + (to - from));
  };

  function moveTo(row: number, at: number, since?: number): void {
    cursor = { row, at };
    const top = row * ROW;
    const room = canvas.clientHeight - AXIS - ROW;
    if (top < frame.scrollTop) frame.scrollTop = top;
    if (top > frame.scrollTop + room) frame.scrollTop = top - room;
    if (at < from || at >= to) look(at - (to - from) / 2, at + (to - from) / 2);
    const { text, until } = describe(row, at, since);
    said.textContent = text;
    toldTo = until;
    redraw();
  }

  /** To the next or the previous stretch of the chain. */
  function step(direction: 1 | -1): void {
    const { stretches } = chains[cursor.row] ?? { stretches: [] };
    const starts = stretches.map(({ start }) => Math.max(start, data.start));
    const next =
      direction > 0
        ? starts.find((start) => start > cursor.at)
        : starts.filter((start) => start < cursor.at).at(-1);
    if (next !== undefined) moveTo(cursor.row, next);
  }

  /** To the next stretch of any chain that isn't proved, or log file that wasn't told yet, and near it. */
  function nextHole(): void {
    for (let away = 0; away <= chains.length; away++) {
      const row = (cursor.row + away) % chains.length;
      const { stretches = [], marks = [] } = chains[row] ?? {};
      const told = away > 0 ? -Infinity : toldTo;
      const open = stretches.filter(
        ({ state, start }) =>
          state !== 'proved' && state !== 'not-due' && (away > 0 || start > cursor.at),
      );
      const files = marks.filter(({ time }) => time > told);
      const [hole] = [...open, ...files.map(({ time }) => ({ start: time, end: time }))].sort(
        (a, b) => a.start - b.start,
      );
      if (!hole) continue;
      const around = Math.max(hole.end - hole.start, 6 * HOUR);
      look(hole.start - 2 * around, hole.end + 2 * around);
      isFocused = true;
      // A stretch may begin before files that were told already.
      moveTo(row, Math.max(hole.start, data.start), Math.max(hole.start, told + 1));
      toldTo = Math.max(toldTo, told);
      return;
    }
    said.textContent = 'Nothing else is open.';
  }

  const KEYS: Readonly<Record<string, () => void>> = {
    ArrowUp: () => moveTo(Math.max(0, cursor.row - 1), cursor.at),
    ArrowDown: () => moveTo(Math.min(chains.length - 1, cursor.row + 1), cursor.at),
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    Home: () => moveTo(cursor.row, data.start),
    End: () => moveTo(cursor.row, data.end - 1),
    PageDown: () => pan(0.5),
    PageUp: () => pan(-0.5),
    '+': () => zoom(0.5, cursor.at),
    '-': () => zoom(2, cursor.at),
    '0': () => look(data.start, data.end),
    n: nextHole,
  };

  canvas.addEventListener('keydown', (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  canvas.addEventListener('focus', () => {
    isFocused = true;
    if (cursor.at === 0) cursor.at = data.start;
    moveTo(cursor.row, cursor.at);
  });
  canvas.addEventListener('blur', () => {
    isFocused = false;
    redraw();
  });

  /** The row under the pointer, where there is one. */
  function rowAt({ offsetX, offsetY }: MouseEvent): number | undefined {
    const row = Math.floor((offsetY - AXIS + frame.scrollTop) / ROW);
    const isOn = offsetY > AXIS && offsetX > labelWidth() && chains[row] !== undefined;
    return isOn ? row : undefined;
  }
  // A finger has nothing to hover with: what it taps is said below.
  canvas.addEventListener('click', (event) => {
    const row = rowAt(event);
    if (row !== undefined) moveTo(row, timeOf(event.offsetX));
  });

  let dragged: { x: number; from: number } | undefined;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'mouse') dragged = { x: event.offsetX, from };
  });
  window.addEventListener('pointerup', () => (dragged = undefined));
  canvas.addEventListener('pointermove', (event) => {
    if (dragged && event.buttons > 0) {
      const moved = ((dragged.x - event.offsetX) / mapWidth()) * (to - from);
      const start = Math.max(data.start, Math.min(data.end - (to - from), dragged.from + moved));
      look(start, start + (to - from));
    }
    const row = rowAt(event);
    tip.hidden = row === undefined;
    if (row === undefined) return;
    tip.textContent = describe(row, timeOf(event.offsetX)).text;
    tip.style.left = `${Math.min(event.offsetX + 12, Math.max(0, canvas.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${event.offsetY + 18}px`;
  });
  canvas.addEventListener('pointerleave', () => (tip.hidden = true));
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, timeOf(event.offsetX));
    },
    { passive: false },
  );
  frame.addEventListener('scroll', redraw);
  window.addEventListener('resize', redraw);

  for (const [id, act] of [
    ['map-in', () => zoom(0.5)],
    ['map-out', () => zoom(2)],
    ['map-back', () => pan(-0.5)],
    ['map-on', () => pan(0.5)],
    ['map-all', () => look(data.start, data.end)],
    ['map-next', nextHole],
  ] as const) {
    (byId(id) as HTMLButtonElement).addEventListener('click', act);
  }

  function paint(): void {
    tiles = new Map(ORDER.map((state) => [state, tile(state)]));
    for (const swatch of document.querySelectorAll<HTMLCanvasElement>('canvas[data-state]')) {
      const brush = swatch.getContext('2d');
      if (!brush) continue;
      brush.fillStyle = tiles.get(swatch.dataset['state'] ?? '') ?? '';
      brush.fillRect(0, 0, swatch.width, swatch.height);
    }
    redraw();
  }
  /** The whole range on sheets that no page's end cuts. */
  function drawPaper(): void {
    const before = { from, to, isFocused };
    [from, to, isFocused, width] = [data.start, data.end, false, PAPER];
    const sheets: HTMLCanvasElement[] = [];
    for (let row = 0; row < chains.length; row += SHEET) {
      const sheet = document.createElement('canvas');
      drawOn(sheet, AXIS + Math.min(SHEET, chains.length - row) * ROW, row * ROW);
      sheets.push(sheet);
    }
    byId('map-paper').replaceChildren(...sheets);
    ({ from, to, isFocused } = before);
    redraw();
  }

  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
  window.matchMedia('print').addEventListener('change', ({ matches }) => {
    paint();
    if (matches) drawPaper();
    else byId('map-paper').replaceChildren();
  });
  window.addEventListener('beforeprint', drawPaper);

  spacer.style.height = `${AXIS + chains.length * ROW}px`;
  frame.style.height = `${Math.min(AXIS + chains.length * ROW + 2, Math.round(window.innerHeight * 0.7))}px`;
  paint();

  const rows = [...document.querySelectorAll<HTMLTableRowElement>('#findings tbody tr')];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const wanted = byId('filter-text') as HTMLInputElement;
  const classes = [...document.querySelectorAll<HTMLInputElement>('input[data-class]')];
  const shown = byId('filter-shown') as HTMLOutputElement;
  const showAll = byId('filter-all') as HTMLButtonElement;
  let found: HTMLTableRowElement[] = [];
  /** Shows the rows that are looked for: the first of them, or all. */
  function filter(most = FIRST): void {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    const on = new Set(classes.filter(({ checked }) => checked).map((one) => one.dataset['class']));
    found = rows.filter((row, at) => {
      const text = texts[at] ?? '';
      return on.has(row.dataset['class']) && words.every((word) => text.includes(word));
    });
    const first = new Set(found.slice(0, most));
    for (const row of rows) row.hidden = !first.has(row);
    const match = found.length === rows.length ? '' : `, ${found.length} match`;
    const cut = first.size < found.length ? match : '';
    showAll.hidden = first.size === found.length;
    showAll.textContent = `show all ${found.length}`;
    shown.textContent =
      found.length === 0 && rows.length > 0
        ? `nothing matches: 0 of ${rows.length} shown`
        : `${first.size} of ${rows.length} shown${cut}`;
  }
  wanted.addEventListener('input', () => filter());
  for (const box of classes) box.addEventListener('change', () => filter());
  showAll.addEventListener('click', () => {
    filter(Infinity);
    // The button is gone; whoever pressed it reads on where the rows went on.
    const next = found[FIRST];
    if (!next) return;
    next.tabIndex = -1;
    next.focus();
  });
  filter();
  for (const one of document.querySelectorAll<HTMLElement>('[data-script]')) one.hidden = false;
  redraw();
})();
