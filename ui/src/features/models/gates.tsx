import type { Schemas } from "@/api/client";
import { Interval } from "@/charts/interval";
import { formatCount } from "@/design/format";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import styles from "./gates.module.css";

/** Every gate's verdict with the bounds it decided on. */
export function Gates({ version }: { version: Schemas["ModelVersionDetail"] }) {
  return (
    <Panel
      title="Gates"
      note="A gate decides on confidence bounds: the whole bar must lie on the shaded side."
      aside={<State state={version.verdict} />}
    >
      {version.gates.length === 0 && "No gate has judged this version."}
      <ul className={styles.gates}>
        {version.gates.map((gate) => (
          <Gate key={gate.gate} gate={gate} />
        ))}
      </ul>
    </Panel>
  );
}

function Gate({ gate }: { gate: Schemas["GateResult"] }) {
  const { estimate, lower, upper, threshold } = gate;
  const drawable = estimate != null && lower != null && upper != null && threshold != null;
  return (
    <li className={styles.gate}>
      <header>
        <h3>{gate.gate}</h3>
        <State state={gate.verdict} />
        {gate.rows != null && <span>{formatCount(gate.rows)} rows</span>}
      </header>
      {drawable && (
        <Interval
          estimate={estimate}
          lower={lower}
          upper={upper}
          threshold={threshold}
          direction={gate.direction}
          verdict={gate.verdict}
        />
      )}
      <p>{gate.summary}</p>
    </li>
  );
}
