import { Button, Modal, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { IncidentIcon } from "@/design/icons";
import { useHandle } from "@/features/labelling/handle";
import styles from "./cases.module.css";
import { Trouble } from "./deeds";
import { openIncident, useDeed } from "./queries";

interface OpenIncidentProps {
  decision?: string;
  alert?: string;
}

/** Opens an incident from what a page shows, and leads to it. */
export function OpenIncident({ decision, alert }: OpenIncidentProps) {
  const [shown, dialog] = useDisclosure(false);
  return (
    <>
      <Button
        variant="default"
        size="sm"
        leftSection={<IncidentIcon size={16} />}
        onClick={dialog.open}
      >
        Open incident
      </Button>
      <Modal opened={shown} onClose={dialog.close} title="Open an incident">
        <Opening decision={decision} alert={alert} />
      </Modal>
    </>
  );
}

function Opening({ decision, alert }: OpenIncidentProps) {
  const handle = useHandle();
  const [title, setTitle] = useState("");
  const navigate = useNavigate();
  const open = useDeed(() =>
    openIncident(handle.keep(), {
      decisions: decision ? [decision] : [],
      alert: alert ?? null,
      title: title.trim(),
    }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    open.mutate(undefined, {
      onSuccess: ({ id }) => void navigate({ to: "/incidents/$name", params: { name: id } }),
    });
  };
  return (
    <form className={styles.grid} onSubmit={submit}>
      <TextInput
        data-autofocus
        label="What went wrong"
        placeholder="For the record; nothing personal"
        value={title}
        onChange={(event) => setTitle(event.currentTarget.value)}
      />
      {handle.field}
      <div className={styles.buttons}>
        <Button type="submit" disabled={!handle.ok} loading={open.isPending}>
          Open
        </Button>
      </div>
      <Trouble error={open.error} />
    </form>
  );
}
