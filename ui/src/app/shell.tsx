import {
  ActionIcon,
  Burger,
  Drawer,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { Problem } from "@/api/client";
import { formatMinute } from "@/design/format";
import { MoonIcon, SunIcon } from "@/design/icons";
import { healthQuery } from "@/features/overview/queries";
import { useLiveUpdates, useNews } from "./live";
import { Logo } from "./logo";
import { DIRECTIONS } from "./navigation";
import { Search } from "./search";
import styles from "./shell.module.css";
import { SignIn } from "./sign-in";

/** The frame around every page: where to go, what time it is in the replayed world, and search. */
export function Shell() {
  const health = useQuery(healthQuery);
  if (health.error instanceof Problem && health.error.status === 401) return <SignIn />;
  return <Frame environment={health.data?.environment} version={health.data?.version} />;
}

function Frame({ environment, version }: { environment?: string; version?: string }) {
  useLiveUpdates();
  const [open, drawer] = useDisclosure(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu
  useEffect(drawer.close, [path]);
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip the menu
      </a>
      <aside className={styles.side}>
        <Menu environment={environment} version={version} />
      </aside>
      <Drawer opened={open} onClose={drawer.close} size={264} padding={0} withCloseButton={false}>
        <div className={styles.drawer}>
          <Menu environment={environment} version={version} />
        </div>
      </Drawer>
      <div className={styles.main}>
        <header className={styles.top}>
          <Burger
            opened={open}
            onClick={drawer.toggle}
            size="sm"
            className={styles.burger}
            aria-label="Menu"
          />
          <Search />
          <Clock />
          <SchemeToggle />
        </header>
        <main id="content" tabIndex={-1} className={styles.content}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}

function Menu({ environment, version }: { environment?: string; version?: string }) {
  return (
    <nav className={styles.menu} aria-label="Main">
      <Link to="/" className={styles.brand}>
        <Logo />
        <span>Towpath</span>
      </Link>
      {DIRECTIONS.map((direction) => (
        <div key={direction.way} className={styles.group} data-way={direction.way}>
          {direction.label && <p className={styles.way}>{direction.label}</p>}
          {direction.destinations.map(({ to, label, icon: Icon }) => (
            <Link
              key={to}
              to={to}
              className={styles.link}
              activeOptions={{ exact: to === "/", includeSearch: false }}
              activeProps={{ "data-active": true }}
            >
              <Icon size={17} stroke={1.7} />
              {label}
            </Link>
          ))}
        </div>
      ))}
      <footer className={styles.foot}>
        {environment && <span className={styles.environment}>{environment}</span>}
        {version && <span>v{version}</span>}
      </footer>
    </nav>
  );
}

function Clock() {
  const { state, eventTime } = useNews();
  const words = { connecting: "Connecting", live: "Live", away: "Reconnecting" }[state];
  return (
    <Tooltip label="Event time: the clock that windows, labels and rollouts follow" openDelay={300}>
      <div className={styles.clock} data-state={state}>
        <span className={styles.beacon} />
        <span className={styles.words}>{words}</span>
        {eventTime && <time dateTime={eventTime}>{formatMinute(eventTime)}</time>}
      </div>
    </Tooltip>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={`Use the ${other} scheme`}
      onClick={() => setColorScheme(other)}
    >
      {scheme === "dark" ? <SunIcon size={18} /> : <MoonIcon size={18} />}
    </ActionIcon>
  );
}
