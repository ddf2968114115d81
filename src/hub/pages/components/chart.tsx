/** The last days as bars: an image for sighted users, a table for everybody. No script, no inline style. */
import type { FC } from "hono/jsx";
import type { RowsSummary } from "../../services.ts";
import type { View } from "../view.ts";

const width = 700;
const height = 220;
const left = 60;
const top = 14;
const bottom = 30;
/** Distance between an axis and its numbers. */
const labelGap = 8;
/** Fraction of a day's width that its bar takes. */
const barShare = 0.7;

/** A chart of {@linkcode RowsSummary.days}. */
export const Chart: FC<{ view: View; summary: RowsSummary }> = ({ view, summary }) => {
  const { messages, format } = view;
  const { days, dataType } = summary;
  const activity = dataType === "agent-status";
  const title = activity ? messages.chartActivity : messages.chartContacts;
  const total = activity ? messages.chartChanges : messages.chartOffered;
  return (
    <figure class="chart">
      <figcaption>
        <h3 id="chart-title">{title}</h3>
        {!activity && (
          <p class="legend" aria-hidden="true">
            <span class="key key-total">{messages.chartOffered}</span>
            <span class="key key-part">{messages.chartAnswered}</span>
          </p>
        )}
      </figcaption>
      <Bars view={view} days={days} />
      <details>
        <summary>{messages.chartTable}</summary>
        <table class="preview" aria-labelledby="chart-title">
          <thead>
            <tr>
              <th scope="col">{messages.chartDay}</th>
              <th scope="col" class="number">{total}</th>
              {!activity && <th scope="col" class="number">{messages.chartAnswered}</th>}
            </tr>
          </thead>
          <tbody>
            {days.map(({ day, contacts, answered }) => (
              <tr>
                <th scope="row">{format.day(day)}</th>
                <td class="number">{format.number(contacts)}</td>
                {!activity && <td class="number">{format.number(answered)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
};

const Bars: FC<{ view: View; days: RowsSummary["days"] }> = ({ view, days }) => {
  const { format } = view;
  const most = niceAbove(Math.max(1, ...days.map(({ contacts }) => contacts)));
  const step = (width - left) / days.length;
  const floor = height - bottom;
  const y = (value: number) => round(floor - (value / most) * (floor - top));
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-labelledby="chart-title">
      {[0, most / 2, most].map((value) => (
        <>
          <line class="grid" x1={left} x2={width} y1={y(value)} y2={y(value)} />
          <text class="axis" x={left - labelGap} y={y(value) + 4} text-anchor="end">{format.compact(value)}</text>
        </>
      ))}
      {days.map(({ day, contacts, answered }, index) => {
        const x = round(left + index * step + (step * (1 - barShare)) / 2);
        const bar = { x, width: round(step * barShare) };
        return (
          <g>
            <title>{`${format.day(day)}: ${format.number(contacts)}`}</title>
            <rect class="bar-total" {...bar} y={y(contacts)} height={round(floor - y(contacts))} rx="2" />
            <rect class="bar-part" {...bar} y={y(answered)} height={round(floor - y(answered))} rx="2" />
            <text
              class={index % 2 === 0 ? "axis every-second" : "axis"}
              x={round(x + (step * barShare) / 2)}
              y={height - labelGap}
              text-anchor="middle"
            >
              {String(Number(day.slice(8)))}
            </text>
          </g>
        );
      })}
    </svg>
  );
};

/**
 * The smallest of 1, 2, 4, 6 or 8 times a power of ten that is not below `value`; at least 2, so that its half is
 * whole.
 */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 4, 6, 8, 10].find((candidate) => candidate * power >= value) ?? 10;
  return Math.max(2, factor * power);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
