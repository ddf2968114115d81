/**
 * Files like those of a contact centre's ACD: queues over a day in 15-minute intervals. Made up, but the same every
 * time.
 */
import { seededRandom } from "../../runtime/seeded_random.ts";

/** A file whose bytes must arrive at the hub unchanged. */
export interface DemoFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const queues: readonly (readonly [id: string, name: string, perHour: number, channel: string])[] = [
  ["4711", "Kundenservice München", 84, "calls"],
  ["4712", "Störungsannahme Köln", 37, "calls"],
  ["4720", "Réservations Genève", 22, "calls"],
  ["5100", "Bestellungen & Rückläufe", 41, "emails"],
  ["5200", "Chat Größenberatung", 58, "chats"],
];

/** Share of a day's contacts by hour of the day, 0 to 23. */
const dayCurve = [0, 0, 0, 0, 0, 1, 3, 9, 22, 31, 33, 30, 24, 26, 29, 28, 25, 19, 12, 7, 4, 2, 1, 0];
const busiestHour = Math.max(...dayCurve);

/** One file per day for `days` days up to `lastDay` (`YYYY-MM-DD`). */
export function demoFiles({ lastDay, days }: { lastDay: string; days: number }): DemoFile[] {
  const last = Temporal.PlainDate.from(lastDay);
  return Array.from({ length: days }, (_, index) => {
    const day = last.subtract({ days: days - 1 - index });
    return { name: `intervals_${day}.csv`, bytes: new TextEncoder().encode(dayCsv(day)) };
  });
}

/** One contact, as a phone system records it. */
export interface DemoContact {
  readonly queue: string;
  readonly queueName: string;
  /** Wall-clock time, `YYYY-MM-DD HH:MM:SS`. */
  readonly started: string;
  readonly answered: 0 | 1;
  readonly durationSeconds: number;
}

/** Every contact of `days` days up to `until` (`YYYY-MM-DDTHH:MM:SS`). */
export function* demoContacts({ until, days }: { until: string; days: number }): Generator<DemoContact> {
  const end = Temporal.PlainDateTime.from(until);
  for (let back = days - 1; back >= 0; back--) {
    const day = end.toPlainDate().subtract({ days: back });
    const random = seededRandom(day.dayOfYear * 7 + day.year * 366);
    for (const { id, name, time, expected } of quartersOf(day)) {
      const start = day.toPlainDateTime(time);
      for (let left = Math.round(expected * (0.7 + 0.6 * random())); left > 0; left--) {
        const started = start.add({ seconds: Math.floor(random() * 900) });
        const answered = random() < 0.93 ? 1 : 0;
        const durationSeconds = answered === 1 ? Math.round(60 + random() * 500) : 0;
        if (Temporal.PlainDateTime.compare(started, end) >= 0) continue;
        const text = started.toString({ smallestUnit: "second" }).replace("T", " ");
        yield { queue: id, queueName: name, started: text, answered, durationSeconds };
      }
    }
  }
}

/** The quarters of an hour of a day for every queue, with the expected number of contacts. */
function* quartersOf(day: Temporal.PlainDate) {
  const dayFactor = day.dayOfWeek === 7 ? 0.15 : day.dayOfWeek === 6 ? 0.45 : 1;
  for (const [id, name, perHour, channel] of queues) {
    for (let quarter = 0; quarter < 96; quarter++) {
      const expected = perHour / 4 * (dayCurve[quarter >> 2] ?? 0) / busiestHour * dayFactor;
      const time = Temporal.PlainTime.from({ hour: quarter >> 2, minute: quarter % 4 * 15 });
      yield { id, name, channel, time, expected };
    }
  }
}

function dayCsv(day: Temporal.PlainDate): string {
  const lines = ["queueidentifier;queuename;timestamp;offered;answered;handlingtime;channel"];
  const random = seededRandom(day.dayOfYear + day.year * 366);
  for (const { id, name, channel, time, expected } of quartersOf(day)) {
    const offered = Math.round(expected * (0.7 + 0.6 * random()));
    const answered = Math.round(offered * (0.88 + 0.12 * random()));
    const handlingSeconds = Math.round(answered * (180 + 160 * random()));
    lines.push(
      `${id};${name};${day} ${
        time.toString({ smallestUnit: "minute" })
      };${offered};${answered};${handlingSeconds};${channel}`,
    );
  }
  return lines.join("\r\n") + "\r\n";
}
