import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Problem, Schemas } from "@/api/client";
import { shorten } from "@/design/format";
import { useHandle } from "@/features/labelling/handle";
import styles from "./cases.module.css";
import {
  closeIncident,
  fixIncident,
  type Incident,
  keepCase,
  triageIncident,
  useDeed,
} from "./queries";

const NEAR = 5;

interface DeedsProps {
  incident: Incident;
  /** What a triage found near, for as long as the page is open. */
  onNear: (near: Schemas["NearRows"] | null) => void;
}

/** What people do about an incident, each under their handle: look, keep, retrain, close. */
export function Deeds({ incident, onNear }: DeedsProps) {
  const handle = useHandle();
  const [why, setWhy] = useState("");
  const triage = useDeed(() => triageIncident(incident.id, handle.keep(), NEAR));
  const fix = useDeed(() => fixIncident(incident.id, handle.keep()));
  const close = useDeed(() => closeIncident(incident.id, handle.keep(), why.trim()));
  const kept = incident.kept.some((one) => one.state === "active");
  const off = !handle.ok;
  const look = () =>
    triage.mutate(undefined, { onSuccess: (found) => onNear(found.triage?.nearest ?? null) });
  return (
    <div className={styles.grid}>
      {handle.field}
      <div className={styles.buttons}>
        <Button disabled={off} loading={triage.isPending} onClick={look}>
          {incident.triage ? "Look again" : "Look for causes"}
        </Button>
        <Button
          variant="default"
          disabled={off || !kept}
          loading={fix.isPending}
          onClick={() => fix.mutate()}
        >
          Start a retraining
        </Button>
      </div>
      {!kept && (
        <p className={styles.quiet}>
          Keep a decision as a regression case first: it tells whether a retraining mended anything.
        </p>
      )}
      <TextInput
        label="Why it is over"
        placeholder="For the record; nothing personal"
        value={why}
        onChange={(event) => setWhy(event.currentTarget.value)}
      />
      <div className={styles.buttons}>
        <Button
          variant="default"
          disabled={off || !why.trim()}
          loading={close.isPending}
          onClick={() => close.mutate()}
        >
          Close the incident
        </Button>
      </div>
      <Trouble error={triage.error ?? fix.error ?? close.error} />
    </div>
  );
}

/** Keeps one of the decisions as a case that every later release is held to. */
export function Keep({ incident }: { incident: Incident }) {
  const handle = useHandle();
  const [expectation, setExpectation] = useState("");
  const [decision, setDecision] = useState(incident.evidence[0]?.decision ?? "");
  const keep = useDeed(() =>
    keepCase(incident.id, handle.keep(), { expectation: expectation.trim(), decision }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    keep.mutate(undefined, { onSuccess: () => setExpectation("") });
  };
  return (
    <form onSubmit={submit}>
      <div className={styles.form}>
        {incident.evidence.length > 1 && (
          <NativeSelect
            label="Decision"
            value={decision}
            data={incident.evidence.map((one) => ({
              value: one.decision,
              label: shorten(one.decision, 18),
            }))}
            onChange={(event) => setDecision(event.currentTarget.value)}
          />
        )}
        <TextInput
          label="What the answer must be"
          placeholder=">= 0.5, or == 12.5 +- 3"
          value={expectation}
          onChange={(event) => setExpectation(event.currentTarget.value)}
        />
        {handle.field}
        <Button
          type="submit"
          variant="default"
          disabled={!handle.ok || !expectation.trim()}
          loading={keep.isPending}
        >
          Keep as a case
        </Button>
      </div>
      <Trouble error={keep.error} />
    </form>
  );
}

export function Trouble({ error }: { error: Problem | null }) {
  if (!error) return null;
  return (
    <p className={styles.trouble}>
      {error.message} {error.remedy}
    </p>
  );
}
