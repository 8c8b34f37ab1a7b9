import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Schemas } from "@/api/client";
import { formatShare } from "@/design/format";
import { labelOf, RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago, EventTime } from "@/design/time";
import { useHandle } from "@/features/labelling/handle";
import styles from "./cases.module.css";
import { useDeed, waiveCase } from "./queries";
import { heldBack, outcomeOf } from "./standing";

type Case = Schemas["HeldCase"];
type Standing = Schemas["CaseStanding"];
type Waiver = Schemas["CaseWaiver"];

const LASTS = [
  { value: "1d", label: "a day" },
  { value: "7d", label: "a week" },
  { value: "30d", label: "30 days" },
];

const STANDINGS: Column<Standing>[] = [
  {
    id: "model",
    header: "Version",
    value: (one) => one.model,
    show: (one) => <RefLink ref_={one.model} />,
  },
  {
    id: "verdict",
    header: "Asked about it",
    value: (one) => one.verdict,
    show: (one) => {
      const { label, tone } = outcomeOf(one);
      return <State state={one.verdict} label={label} tone={tone} />;
    },
  },
  {
    id: "released",
    header: "May be released",
    value: (one) => (one.passes ? "yes" : "no"),
    wide: true,
  },
  {
    id: "traffic",
    header: "Traffic now",
    value: (one) => one.traffic,
    show: (one) => (one.traffic > 0 ? formatShare(one.traffic) : "–"),
    align: "right",
  },
];

const WAIVER_TONES = { "in force": "warn", forged: "bad" } as const;

/** One case: what the answer must be, how each version stands with it, and who waived it. */
export function CaseCard({ held }: { held: Case }) {
  const waivable = heldBack(held.standings);
  return (
    <article className={styles.card}>
      <header className={styles.head}>
        <div>
          <h3 className={styles.name}>{held.name}</h3>
          <p className={styles.facts}>
            {held.decision ? (
              <>
                the input of <RefLink ref_={`decision:${held.decision}`} />
              </>
            ) : (
              "its subject was erased, and what it held with them"
            )}
            ; kept by {held.by} <Ago at={held.at} />
          </p>
        </div>
        {held.state !== "active" && <State state={held.state} />}
      </header>
      {held.expectation && <code className={styles.must}>{held.expectation}</code>}
      {held.standings.length > 0 && (
        <div className={styles.standings}>
          <Table rows={held.standings} columns={STANDINGS} first={6} />
        </div>
      )}
      {held.waivers.length > 0 && <Waivers waivers={held.waivers} />}
      {waivable.length > 0 && <Waive held={held} models={waivable} />}
    </article>
  );
}

function Waivers({ waivers }: { waivers: Waiver[] }) {
  return (
    <ul className={styles.waivers}>
      {waivers.map((one) => (
        <li key={one.name}>
          <State
            state={one.state}
            tone={WAIVER_TONES[one.state as keyof typeof WAIVER_TONES] ?? "idle"}
          />
          <span>
            <RefLink ref_={one.model} /> let through by {one.by}, “{one.reason}”,{" "}
            {one.state === "expired" ? "until" : "expires"} <EventTime at={one.expires_at} />
            {one.revoked_by && `; taken back by ${one.revoked_by}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Signs that a version may be released although it fails. Folded: it is not what one should want. */
function Waive({ held, models }: { held: Case; models: string[] }) {
  const handle = useHandle();
  const [model, setModel] = useState(models[0] ?? "");
  const [reason, setReason] = useState("");
  const [lasts, setLasts] = useState("7d");
  const waive = useDeed(() =>
    waiveCase(held.name, handle.keep(), { model, reason: reason.trim(), lasts }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    waive.mutate();
  };
  return (
    <details className={styles.fold}>
      <summary>Let a version through all the same</summary>
      <form className={styles.form} onSubmit={submit}>
        <NativeSelect
          label="Version"
          value={model}
          data={models.map((one) => ({ value: one, label: labelOf(one) }))}
          onChange={(event) => setModel(event.currentTarget.value)}
        />
        <NativeSelect
          label="For"
          value={lasts}
          data={LASTS}
          onChange={(event) => setLasts(event.currentTarget.value)}
        />
        <TextInput
          label="Why"
          placeholder="For the record; nothing personal"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {handle.field}
        <Button
          type="submit"
          variant="default"
          disabled={!handle.ok || !reason.trim()}
          loading={waive.isPending}
        >
          Sign the waiver
        </Button>
      </form>
      {waive.error && (
        <p className={styles.trouble}>
          {waive.error.message} {waive.error.remedy}
        </p>
      )}
    </details>
  );
}
