/* load: types into the documents of a collaboration server and measures what comes out at the other end.
 *
 * One thread, one epoll. A room is a document with one writer and some readers, each on a WebSocket of its own. A writer
 * sends Yjs updates of one character, as an editor makes them; a reader decodes every update it gets, so a character
 * counts as delivered only if its turn had come: what is lost or doubled is counted as a gap. Servers: Tandem and
 * Hocuspocus 4, which speak the same protocol. tests/speed/load.py builds this and says what each option means. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SLOW_US = 2000000, SENT_KEPT = 1 << 20, BUFFER = 1 << 20, EVENTS = 256 };
enum { SYNC = 0, AUTH = 2, STATUS = 8, PING = 9, PONG = 10, UPDATE = 2 };

typedef struct { uint32_t *us; uint64_t count; } Histogram;

typedef struct {
  const char *name;
  uint64_t client;       /* the Yjs client id of its writer */
  uint32_t typed;        /* characters sent: the next clock */
  uint32_t acked;        /* of those, acknowledged */
  uint32_t everywhere;   /* of those, seen by every reader */
  uint64_t due;          /* when the next one is to be sent */
  uint64_t *sent_at;     /* ring by clock */
  int first;             /* its sockets are sockets[first .. first + readers]; the first one writes */
} Room;

typedef struct {
  int fd;
  Room *room;
  bool writes, reads_text;
  uint32_t seen;         /* characters of the room's writer that this reader has */
  uint8_t *in, *out;
  size_t in_size, out_size, out_room;
} Socket;

typedef struct { const uint8_t *at, *end; } Bytes;

static Room *rooms;
static Socket *sockets;
static int room_count = 1, readers = 1, socket_count, watch_fd;
static Histogram delivery, acknowledgement;
static uint64_t delivered, frames_read, gaps, closed;
static bool recording;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *why) {
  fprintf(stderr, "load: %s\n", why);
  exit(2);
}

/* --- numbers and fields of lib0 --- */

static size_t put_number(uint8_t *to, uint64_t value) {
  size_t n = 0;
  for (; value > 127; value >>= 7) to[n++] = (uint8_t)(value | 128);
  to[n++] = (uint8_t)value;
  return n;
}

static size_t put_field(uint8_t *to, const void *data, size_t size) {
  size_t n = put_number(to, size);
  memcpy(to + n, data, size);
  return n + size;
}

static uint64_t number(Bytes *b) {
  uint64_t value = 0;
  for (int shift = 0; b->at < b->end && shift < 63; shift += 7) {
    uint8_t byte = *b->at++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) break;
  }
  return value;
}

static Bytes field(Bytes *b) {
  uint64_t size = number(b);
  if (size > (uint64_t)(b->end - b->at)) size = (uint64_t)(b->end - b->at);
  Bytes part = {b->at, b->at + size};
  b->at += size;
  return part;
}

/* --- sending --- */

static void watch(Socket *s, uint32_t events, int how) {
  struct epoll_event e = {.events = events, .data.ptr = s};
  if (epoll_ctl(watch_fd, how, s->fd, &e)) die("epoll_ctl");
}

static void flush(Socket *s) {
  size_t gone = 0;
  while (gone < s->out_size) {
    ssize_t n = send(s->fd, s->out + gone, s->out_size - gone, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    gone += (size_t)n;
  }
  memmove(s->out, s->out + gone, s->out_size - gone);
  bool waited = s->out_room;
  s->out_size -= gone;
  s->out_room = s->out_size > 0;
  if (waited != (s->out_size > 0)) watch(s, s->out_size ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static void post(Socket *s, const uint8_t *data, size_t size) {
  static const uint8_t mask[4] = {0x5a, 0xc3, 0x0f, 0x96};
  uint8_t *to = s->out + s->out_size;
  if (s->out_size + size + 8 > BUFFER) die("the server does not read");
  *to++ = 0x82;
  if (size < 126) {
    *to++ = (uint8_t)(0x80 | size);
  } else {
    *to++ = 0x80 | 126;
    *to++ = (uint8_t)(size >> 8);
    *to++ = (uint8_t)size;
  }
  memcpy(to, mask, 4);
  to += 4;
  for (size_t i = 0; i < size; i++) *to++ = data[i] ^ mask[i & 3];
  s->out_size = (size_t)(to - s->out);
}

static void introduce(Socket *s, const char *token) {
  uint8_t frame[8192];
  size_t n = put_field(frame, s->room->name, strlen(s->room->name));
  frame[n++] = AUTH;
  frame[n++] = 0;
  n += put_field(frame + n, token, strlen(token));
  post(s, frame, n);
  n = put_field(frame, s->room->name, strlen(s->room->name));
  memcpy(frame + n, "\0\0\1\0", 4); /* sync step 1, the state vector of who has nothing */
  post(s, frame, n + 4);
  flush(s);
}

/* One more character behind the writer's last one. A run of Yjs: client, clock, and items of (info, origin, content). */
static void type(Socket *s, const char *root) {
  Room *r = s->room;
  uint8_t update[256], frame[512];
  size_t n = 0, m;
  update[n++] = 1;
  update[n++] = 1;
  n += put_number(update + n, r->client);
  n += put_number(update + n, r->typed);
  if (r->typed) {
    update[n++] = 0x80 | 4;
    n += put_number(update + n, r->client);
    n += put_number(update + n, r->typed - 1);
  } else {
    update[n++] = 4;
    update[n++] = 1;
    n += put_field(update + n, root, strlen(root));
  }
  update[n++] = 1;
  update[n++] = (uint8_t)(r->typed % 61 == 60 ? '\n' : 'a' + r->typed % 26);
  update[n++] = 0; /* nothing deleted */
  m = put_field(frame, r->name, strlen(r->name));
  frame[m++] = SYNC;
  frame[m++] = UPDATE;
  m += put_field(frame + m, update, n);
  r->sent_at[r->typed++ % SENT_KEPT] = now();
  post(s, frame, m);
}

/* --- receiving --- */

static void note(Histogram *h, uint64_t ns, uint64_t weight) {
  uint64_t us = ns / 1000;
  h->us[us < SLOW_US ? us : SLOW_US - 1] += (uint32_t)weight;
  h->count += weight;
}

static void has(Socket *s, uint64_t clock, uint64_t length, uint64_t at) {
  for (uint64_t i = clock; i < clock + length; i++) {
    if (i != s->seen) {
      gaps++;
      continue;
    }
    s->seen++;
    if (recording) {
      note(&delivery, at - s->room->sent_at[i % SENT_KEPT], 1);
      delivered++;
    }
  }
  uint32_t least = UINT32_MAX;
  for (int k = 1; k <= readers; k++) {
    uint32_t seen = sockets[s->room->first + k].seen;
    if (seen < least) least = seen;
  }
  s->room->everywhere = least;
}

/* The writer's characters in an update. What else is in it (the file's text at the first sync) is stepped over. */
static void read_update(Socket *s, Bytes b, uint64_t at) {
  for (uint64_t runs = number(&b); runs && b.at < b.end; runs--) {
    uint64_t items = number(&b), client = number(&b), clock = number(&b);
    for (; items && b.at < b.end; items--) {
      uint8_t info = *b.at++, kind = info & 31;
      if (kind == 0 || kind == 10) {
        clock += number(&b);
        continue;
      }
      if (info & 0x80) number(&b), number(&b);
      if (info & 0x40) number(&b), number(&b);
      if (!(info & 0xc0)) {
        if (number(&b)) field(&b);
        else number(&b), number(&b);
        if (info & 0x20) field(&b);
      }
      if (kind == 1) {
        clock += number(&b);
        continue;
      }
      if (kind != 4) return; /* neither text nor deleted text */
      Bytes text = field(&b);
      uint64_t length = 0; /* in UTF-16 units */
      for (const uint8_t *p = text.at; p < text.end; p++) length += (*p & 0xc0) != 0x80 ? 1 + (*p >= 0xf0) : 0;
      if (client == s->room->client) has(s, clock, length, at);
      clock += length;
    }
  }
}

static void read_frame(Socket *s, Bytes b, uint64_t at) {
  static const uint8_t pong = PONG;
  if (b.end - b.at == 1 && *b.at == PING) {
    post(s, &pong, 1);
    flush(s);
    return;
  }
  if (recording) frames_read++;
  field(&b);
  uint64_t kind = number(&b);
  if (kind == SYNC && number(&b) >= 1) {
    if (!s->writes) read_update(s, field(&b), at);
  } else if (kind == STATUS && s->writes && s->room->acked < s->room->typed && number(&b) == 1) {
    if (recording) note(&acknowledgement, at - s->room->sent_at[s->room->acked % SENT_KEPT], 1);
    s->room->acked++;
  }
}

static void receive(Socket *s) {
  ssize_t n = recv(s->fd, s->in + s->in_size, BUFFER - s->in_size, MSG_DONTWAIT);
  if (n < 0) return;
  if (n == 0) {
    closed++;
    epoll_ctl(watch_fd, EPOLL_CTL_DEL, s->fd, NULL);
    return;
  }
  s->in_size += (size_t)n;
  uint64_t at = now();
  size_t from = 0;
  while (s->in_size - from >= 2) {
    uint8_t *f = s->in + from;
    size_t head = 2, size = f[1] & 127;
    if (size == 126) {
      head = 4;
      if (s->in_size - from < head) break;
      size = (size_t)f[2] << 8 | f[3];
    } else if (size == 127) {
      head = 10;
      if (s->in_size - from < head) break;
      size = 0;
      for (int i = 2; i < 10; i++) size = size << 8 | f[i];
    }
    if (head + size > BUFFER) die("a frame is too large");
    if (s->in_size - from < head + size) break;
    if ((f[0] & 15) == 2) read_frame(s, (Bytes){f + head, f + head + size}, at);
    from += head + size;
  }
  memmove(s->in, s->in + from, s->in_size - from);
  s->in_size -= from;
}

/* --- connecting --- */

static void dial(Socket *s, int port, const char *path, const char *headers) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char request[8192];
  int one = 1;
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  s->in = malloc(BUFFER);
  s->out = malloc(BUFFER);
  if (s->fd < 0 || !s->in || !s->out || connect(s->fd, (struct sockaddr *)&to, sizeof to)) die("cannot connect");
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int n = snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nConnection: Upgrade\r\n"
                   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZCBvZiBUYW5kZW0uLg==\r\n%s\r\n",
                   path, port, port, headers);
  if (n >= (int)sizeof request || send(s->fd, request, (size_t)n, 0) != n) die("cannot send the request");
  char *body = NULL;
  while (!body) {
    ssize_t got = recv(s->fd, s->in + s->in_size, 8000 - s->in_size, 0);
    if (got <= 0) die("no answer to the upgrade");
    s->in_size += (size_t)got;
    s->in[s->in_size] = 0;
    body = strstr((char *)s->in, "\r\n\r\n");
  }
  if (strncmp((char *)s->in + 8, " 101", 4)) die((char *)s->in);
  body += 4;
  s->in_size -= (size_t)(body - (char *)s->in);
  memmove(s->in, body, s->in_size);
}

/* --- what the server uses --- */

static double read_number(const char *path, int nth) {
  char text[1024];
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = 0;
  char *p = strrchr(text, ')'); /* behind a process's name, which may hold spaces */
  p = p ? p + 2 : text;
  for (; nth > 0 && (p = strchr(p, ' ')); nth--) p++;
  return p ? atof(p) : 0;
}

/* CPU seconds of a process by the scheduler's account, with its children, those that have ended too. */
static double cpu(int pid) {
  char path[320];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  double seconds = (read_number(path, 13) + read_number(path, 14)) / (double)sysconf(_SC_CLK_TCK);
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *threads = opendir(path);
  for (struct dirent *t; threads && (t = readdir(threads));) {
    if (t->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, t->d_name);
    seconds += read_number(path, 0) / 1e9;
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, t->d_name);
    FILE *f = fopen(path, "r");
    for (int child; f && fscanf(f, "%d", &child) == 1;) seconds += cpu(child);
    if (f) fclose(f);
  }
  if (threads) closedir(threads);
  return seconds;
}

static double own_cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- the run --- */

static void wait_for_events(uint64_t until) {
  struct epoll_event events[EVENTS];
  uint64_t t = now(), left = until > t ? until - t : 0;
  struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
  int n = epoll_pwait2(watch_fd, events, EVENTS, &timeout, NULL);
  for (int i = 0; i < n; i++) {
    Socket *s = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) flush(s);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(s);
  }
}

/* Types whatever is due; when the next one is. */
static uint64_t type_due(double rate, uint32_t window, const char *root, uint64_t end) {
  uint64_t next = end, t = now();
  for (int i = 0; i < room_count; i++) {
    Room *r = &rooms[i];
    Socket *s = &sockets[r->first];
    bool any = false;
    if (rate > 0) {
      for (; r->due <= t; any = true, r->due += (uint64_t)(1e9 / rate)) type(s, root);
      if (r->due < next) next = r->due;
    } else {
      for (; r->typed - r->everywhere < window; any = true) type(s, root);
    }
    if (any) flush(s);
  }
  return next;
}

static double quantile(const Histogram *h, double share) {
  uint64_t sum = 0;
  for (int i = 0; h->count && i < SLOW_US; i++)
    if ((sum += h->us[i]) > (uint64_t)((double)h->count * share)) return i / 1000.0;
  return h->count ? SLOW_US / 1000.0 : -1;
}

static uint64_t sum_typed(void) {
  uint64_t sum = 0;
  for (int i = 0; i < room_count; i++) sum += rooms[i].typed;
  return sum;
}

int main(int argc, char **argv) {
  int port = 0, pid = 0;
  double rate = 0, seconds = 2, warm = 0.5;
  uint32_t window = 256;
  const char *path = "/", *token = "cookie", *root = "text";
  char headers[4096] = "", *names = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *option = argv[i], *value = argv[i + 1];
    if (!strcmp(option, "--port")) port = atoi(value);
    else if (!strcmp(option, "--pid")) pid = atoi(value);
    else if (!strcmp(option, "--path")) path = value;
    else if (!strcmp(option, "--token")) token = value;
    else if (!strcmp(option, "--root")) root = value;
    else if (!strcmp(option, "--names")) names = strdup(value);
    else if (!strcmp(option, "--rooms")) room_count = atoi(value);
    else if (!strcmp(option, "--readers")) readers = atoi(value);
    else if (!strcmp(option, "--rate")) rate = atof(value);
    else if (!strcmp(option, "--window")) window = (uint32_t)atoi(value);
    else if (!strcmp(option, "--seconds")) seconds = atof(value);
    else if (!strcmp(option, "--warm")) warm = atof(value);
    else if (!strcmp(option, "--cookie")) snprintf(headers, sizeof headers, "Cookie: %s\r\n", value);
    else die(option);
  }
  if (!port || !names) die("--port and --names are needed");
  rooms = calloc((size_t)room_count, sizeof *rooms);
  sockets = calloc((size_t)(room_count * (readers + 1)), sizeof *sockets);
  delivery.us = calloc(SLOW_US, sizeof *delivery.us);
  acknowledgement.us = calloc(SLOW_US, sizeof *acknowledgement.us);
  watch_fd = epoll_create1(0);
  srandom((unsigned)(now() ^ (uint64_t)getpid() << 20));
  for (int i = 0; i < room_count; i++) {
    Room *r = &rooms[i];
    r->name = strtok(i ? NULL : names, ",");
    if (!r->name) die("fewer names than rooms");
    r->client = 1 + (uint64_t)random();
    r->sent_at = calloc(SENT_KEPT, sizeof *r->sent_at);
    r->first = socket_count;
    for (int k = 0; k <= readers; k++) {
      Socket *s = &sockets[socket_count++];
      s->room = r;
      s->writes = k == 0;
      dial(s, port, path, headers);
      watch(s, EPOLLIN, EPOLL_CTL_ADD);
      introduce(s, token);
    }
  }
  for (uint64_t settled = now() + 700000000u; now() < settled;) wait_for_events(settled);

  uint64_t start = now(), from = start + (uint64_t)(warm * 1e9), end = from + (uint64_t)(seconds * 1e9);
  uint64_t typed = 0;
  double server = 0, own = 0;
  for (int i = 0; rate > 0 && i < room_count; i++) rooms[i].due = start + (uint64_t)(1e9 / rate * i / room_count);
  for (uint64_t t = start; t < end; t = now()) {
    if (!recording && t >= from) {
      recording = true;
      from = t;
      server = cpu(pid);
      own = own_cpu();
      typed = sum_typed();
    }
    uint64_t next = type_due(rate, window, root, end);
    wait_for_events(next < from || recording ? next : from);
  }
  double took = (double)(now() - from) / 1e9;
  server = cpu(pid) - server;
  own = own_cpu() - own;
  typed = sum_typed() - typed;
  recording = false;
  uint64_t lag = 0, unsaved = 0, last = now() + 5000000000u;
  do {
    wait_for_events(now() + 20000000u);
    lag = unsaved = 0;
    for (int i = 0; i < room_count; i++) {
      lag += rooms[i].typed - rooms[i].everywhere;
      unsaved += rooms[i].typed - rooms[i].acked;
    }
  } while ((lag || unsaved) && now() < last);
  printf("{\"seconds\": %.3f, \"typed\": %lu, \"delivered\": %lu, \"frames\": %lu, \"server_cpu\": %.4f, \"us\": %.3f, "
         "\"generator\": %.3f, \"p50\": %.3f, \"p95\": %.3f, \"p99\": %.3f, \"ack_p50\": %.3f, \"ack_p95\": %.3f, "
         "\"ack_p99\": %.3f, \"gaps\": %lu, \"closed\": %lu, \"undelivered\": %lu, \"unsaved\": %lu}\n",
         took, typed, delivered, frames_read, server, delivered ? server * 1e6 / (double)delivered : -1, own / took,
         quantile(&delivery, .5), quantile(&delivery, .95), quantile(&delivery, .99), quantile(&acknowledgement, .5),
         quantile(&acknowledgement, .95), quantile(&acknowledgement, .99), gaps, closed, lag, unsaved);
  return gaps || closed || lag ? 3 : 0;
}
