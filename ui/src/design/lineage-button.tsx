import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { LineageIcon } from "@/design/icons";
import { lineageOf } from "@/design/ref-link";

/** Leads to the lineage graph around a reference. */
export function LineageButton({ ref_ }: { ref_: string }) {
  const navigate = useNavigate();
  const href = lineageOf(ref_);
  return (
    <Button
      component="a"
      href={href}
      variant="default"
      size="sm"
      leftSection={<LineageIcon size={16} />}
      onClick={(event) => {
        event.preventDefault();
        void navigate({ href });
      }}
    >
      Lineage
    </Button>
  );
}
