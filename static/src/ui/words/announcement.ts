// What people read around a message of the administrators.
export const announcement = {
  label: 'Message from the administrators',
  away: 'Put this message away',
}
