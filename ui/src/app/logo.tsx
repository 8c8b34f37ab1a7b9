/** Two banks of one canal: forward along the water, back along the towpath. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      strokeWidth="3.2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M5.5 13.5C7.3 8.8 11.3 6 16 6c5.2 0 9.5 3.4 10.4 8.1" stroke="var(--forward)" />
      <path d="m22 12.8 4.6 2 2.2-4.4" stroke="var(--forward)" />
      <path
        d="M26.5 18.500C24.7 23.2 20.7 26 16 26c-5.2 0-9.5-3.4-10.4-8.1"
        stroke="var(--back)"
        strokeDasharray="0.1 5.2"
      />
      <path d="m10 19.2-4.6-2-2.2 4.4" stroke="var(--back)" />
    </svg>
  );
}
