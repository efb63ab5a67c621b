import type uPlot from 'uplot';
import type { View } from './view.ts';

const STEP = 0.25;
const FACTOR = 2;

/** What keys and buttons do to a view. */
const ACTS: Readonly<Record<string, (view: View) => void>> = {
  in: (view) => view.zoom(FACTOR),
  out: (view) => view.zoom(1 / FACTOR),
  back: (view) => view.move(-STEP),
  on: (view) => view.move(STEP),
  all: (view) => view.showAll(),
};

const KEYS: Readonly<Record<string, string>> = {
  '+': 'in',
  '=': 'in',
  '-': 'out',
  _: 'out',
  ArrowLeft: 'back',
  ArrowRight: 'on',
  '0': 'all',
};

/** Keys on the chart, and the buttons beside it. */
export function steerByHand(plot: HTMLElement, controls: HTMLElement, view: View, tell: () => void): void {
  plot.tabIndex = 0;
  plot.setAttribute('role', 'application');
  plot.setAttribute('aria-roledescription', 'chart');
  controls.hidden = false;
  const act = (name: string | undefined) => {
    ACTS[name ?? '']?.(view);
    tell();
  };
  plot.addEventListener('keydown', (event) => {
    const name = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (name === undefined) return;
    event.preventDefault();
    act(name);
  });
  controls.addEventListener('click', ({ target }) => {
    const button = (target as HTMLElement).closest('button');
    if (button !== null) act(button.dataset.act);
  });
}

/** The wheel with Ctrl (as a pinch on a touchpad comes, too) or sideways, and fingers. The mouse's drag is uPlot's own. */
export function steerByPointer({ over }: uPlot, view: View): void {
  const placeOf = (x: number) => {
    const { left, width } = over.getBoundingClientRect();
    return view.from + ((x - left) / width) * view.length;
  };
  over.addEventListener(
    'wheel',
    (event) => {
      if (event.ctrlKey || event.metaKey) view.zoom(2 ** (-event.deltaY / 200), placeOf(event.clientX));
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !view.isWhole)
        view.move(event.deltaX / over.clientWidth);
      else return;
      event.preventDefault();
    },
    { passive: false },
  );
  const fingers = new Map<number, number>();
  over.addEventListener('pointerdown', ({ pointerType, pointerId, clientX }) => {
    if (pointerType === 'touch') fingers.set(pointerId, clientX);
  });
  over.addEventListener('pointermove', ({ pointerId, clientX }) => {
    const before = [...fingers.values()];
    if (!fingers.has(pointerId)) return;
    fingers.set(pointerId, clientX);
    const now = [...fingers.values()];
    const [middleBefore, middle] = [mean(before), mean(now)];
    if (now.length === 2) {
      const [spread, spreadBefore] = [spreadOf(now), spreadOf(before)];
      if (spread > 8 && spreadBefore > 8) view.zoom(spread / spreadBefore, placeOf(middleBefore));
    }
    if (!view.isWhole) view.move((middleBefore - middle) / over.clientWidth);
  });
  for (const end of ['pointerup', 'pointercancel'] as const)
    over.addEventListener(end, ({ pointerId }) => fingers.delete(pointerId));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spreadOf = ([a = 0, b = 0]: readonly number[]) => Math.abs(a - b);
