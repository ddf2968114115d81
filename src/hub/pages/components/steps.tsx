/** Progress of adding an integration. */
import type { FC } from "hono/jsx";
import type { View } from "../view.ts";

/** The steps, with the current one marked. */
export const Steps: FC<{ view: View; current: 0 | 1 | 2 }> = ({ view, current }) => {
  const { messages } = view;
  const labels = [messages.addStepType, messages.addStepLink, messages.addStepName];
  return (
    <ol class="steps" aria-label={messages.addSteps}>
      {labels.map((label, index) => (
        <li
          class={index < current ? "done" : index === current ? "current" : ""}
          aria-current={index === current ? "step" : undefined}
        >
          <span>{label}</span>
          {index < current && <span class="visually-hidden">({messages.stepDone})</span>}
        </li>
      ))}
    </ol>
  );
};
