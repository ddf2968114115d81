/* The limit for the whole job: fetches as fetch_only.c does, into two sets of buffers in turn, while another thread
   writes the other set as CSV, compresses it with zstd and writes the file.
   Arguments: connection string, query, rows of a block, "type:width,type:width,...", file, zstd level. Prints rows and
   seconds. */
#include <pthread.h>
#include <sql.h>
#include <sqlext.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#define COLUMNS_MAX 64

typedef struct {
  int type, width;
} Column;

typedef struct {
  char *values[COLUMNS_MAX];
  SQLLEN *lengths[COLUMNS_MAX];
  SQLULEN rows;
  int full; /* 1: to be written, 2: the end */
} Block;

static Column columns[COLUMNS_MAX];
static int columnCount;
static long block;
static Block blocks[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static FILE *file;
static ZSTD_CCtx *zstd;
static char *csv, *compressed;
static size_t csvLength, csvMax, compressedMax;

static int fail(SQLSMALLINT type, SQLHANDLE handle) {
  SQLCHAR state[6], text[1000];
  SQLGetDiagRec(type, handle, 1, state, 0, text, sizeof text, 0);
  fprintf(stderr, "%s %s\n", state, text);
  return 1;
}

static void digits(uint64_t value) {
  char text[20];
  int at = sizeof text;
  do text[--at] = '0' + value % 10;
  while (value /= 10);
  memcpy(csv + csvLength, text + at, sizeof text - at);
  csvLength += sizeof text - at;
}

static void integer(int64_t value) {
  if (value < 0) csv[csvLength++] = '-';
  digits(value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void two(unsigned value) {
  csv[csvLength++] = '0' + value / 10;
  csv[csvLength++] = '0' + value % 10;
}

static void timestamp(const SQL_TIMESTAMP_STRUCT *time) {
  two(time->year / 100), two(time->year % 100), csv[csvLength++] = '-';
  two(time->month), csv[csvLength++] = '-';
  two(time->day), csv[csvLength++] = ' ';
  two(time->hour), csv[csvLength++] = ':';
  two(time->minute), csv[csvLength++] = ':';
  two(time->second);
  if (time->fraction) csvLength += sprintf(csv + csvLength, ".%09u", (unsigned)time->fraction);
}

/* The shortest of two forms that reads back. */
static void floating(double value) {
  int length = sprintf(csv + csvLength, "%.15g", value);
  if (strtod(csv + csvLength, 0) != value) length = sprintf(csv + csvLength, "%.17g", value);
  csvLength += length;
}

static void quotedFrom(size_t start) {
  char *text = csv + start;
  size_t length = csvLength - start, quotes = 0, special = 0;
  for (size_t i = 0; i < length; i++) {
    quotes += text[i] == '"';
    special += text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r';
  }
  if (!special) return;
  csvLength += quotes + 2;
  char *to = csv + csvLength;
  *--to = '"';
  for (size_t i = length; i-- > 0;) {
    *--to = text[i];
    if (text[i] == '"') *--to = '"';
  }
  *--to = '"';
}

static void wide(const uint16_t *units, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t point = units[i];
    if (point >= 0xd800 && point < 0xdc00 && i + 1 < count) point = 0x10000 + ((point - 0xd800) << 10) + units[++i] - 0xdc00;
    if (point < 0x80) csv[csvLength++] = point;
    else {
      if (point < 0x800) csv[csvLength++] = 0xc0 | point >> 6;
      else {
        if (point < 0x10000) csv[csvLength++] = 0xe0 | point >> 12;
        else csv[csvLength++] = 0xf0 | point >> 18, csv[csvLength++] = 0x80 | (point >> 12 & 63);
        csv[csvLength++] = 0x80 | (point >> 6 & 63);
      }
      csv[csvLength++] = 0x80 | (point & 63);
    }
  }
}

static void compress(ZSTD_EndDirective end) {
  ZSTD_inBuffer in = {csv, csvLength, 0};
  size_t left;
  do {
    ZSTD_outBuffer out = {compressed, compressedMax, 0};
    left = ZSTD_compressStream2(zstd, &out, &in, end);
    fwrite(compressed, 1, out.pos, file);
  } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
  csvLength = 0;
}

static int write_value(const Block *from, int column, size_t row) {
  SQLLEN length = from->lengths[column][row];
  const char *value = from->values[column] + row * columns[column].width;
  size_t start = csvLength;
  if (length == SQL_NULL_DATA) return 1;
  switch (columns[column].type) {
    case SQL_C_SBIGINT: integer(*(const int64_t *)value); return 1;
    case SQL_C_LONG: case SQL_C_SLONG: integer(*(const int32_t *)value); return 1;
    case SQL_C_BIT: csv[csvLength++] = '0' + *value; return 1;
    case SQL_C_DOUBLE: floating(*(const double *)value); return 1;
    case SQL_C_TYPE_TIMESTAMP: timestamp((const SQL_TIMESTAMP_STRUCT *)value); return 1;
    case SQL_C_WCHAR: wide((const uint16_t *)value, length / 2); quotedFrom(start); return 1;
    case SQL_C_CHAR: memcpy(csv + csvLength, value, length); csvLength += length; quotedFrom(start); return 1;
  }
  return 0;
}

static void *writer(void *unused) {
  for (int turn = 0;; turn ^= 1) {
    Block *from = &blocks[turn];
    pthread_mutex_lock(&mutex);
    while (!from->full) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    if (from->full == 2) break;
    for (size_t row = 0; row < from->rows; row++) {
      for (int column = 0; column < columnCount; column++) {
        if (column) csv[csvLength++] = ',';
        if (!write_value(from, column, row)) fprintf(stderr, "type %d\n", columns[column].type), exit(2);
      }
      csv[csvLength++] = '\r', csv[csvLength++] = '\n';
      if (csvLength > csvMax / 2) compress(ZSTD_e_continue);
    }
    pthread_mutex_lock(&mutex);
    from->full = 0;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
  }
  compress(ZSTD_e_end);
  fclose(file);
  return unused;
}

static void hand_over(Block *to, int full) {
  pthread_mutex_lock(&mutex);
  to->full = full;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
}

static void wait_empty(Block *of) {
  pthread_mutex_lock(&mutex);
  while (of->full) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

int main(int count, char **arguments) {
  SQLHENV environment;
  SQLHDBC connection;
  SQLHSTMT statement;
  if (count < 7) return 2;
  block = atol(arguments[3]);
  file = fopen(arguments[5], "w");
  zstd = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, atoi(arguments[6]));
  csvMax = 1 << 20, compressedMax = ZSTD_CStreamOutSize();
  csv = malloc(csvMax), compressed = malloc(compressedMax);
  SQLAllocHandle(SQL_HANDLE_ENV, 0, &environment);
  SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, (void *)3, 0);
  SQLAllocHandle(SQL_HANDLE_DBC, environment, &connection);
  SQLRETURN code = SQLDriverConnect(connection, 0, (SQLCHAR *)arguments[1], SQL_NTS, 0, 0, 0, 0);
  if (!SQL_SUCCEEDED(code)) return fail(SQL_HANDLE_DBC, connection);
  SQLSetConnectAttr(connection, SQL_ATTR_AUTOCOMMIT, 0, 0);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  SQLAllocHandle(SQL_HANDLE_STMT, connection, &statement);
  code = SQLExecDirect(statement, (SQLCHAR *)arguments[2], SQL_NTS);
  if (!SQL_SUCCEEDED(code)) return fail(SQL_HANDLE_STMT, statement);
  for (char *part = strtok(arguments[4], ","); part; part = strtok(0, ","), columnCount++) {
    Column *column = &columns[columnCount];
    if (columnCount == COLUMNS_MAX || sscanf(part, "%d:%d", &column->type, &column->width) != 2) return 2;
    for (int set = 0; set < 2; set++) {
      blocks[set].values[columnCount] = malloc(block * column->width);
      blocks[set].lengths[columnCount] = malloc(block * sizeof(SQLLEN));
    }
  }
  SQLSetStmtAttr(statement, SQL_ATTR_ROW_ARRAY_SIZE, (void *)block, 0);
  pthread_t thread;
  pthread_create(&thread, 0, writer, 0);
  long rows = 0;
  for (int turn = 0;; turn ^= 1) {
    Block *to = &blocks[turn];
    wait_empty(to);
    for (int column = 0; column < columnCount; column++) {
      SQLBindCol(statement, column + 1, columns[column].type, to->values[column], columns[column].width,
                 to->lengths[column]);
    }
    SQLSetStmtAttr(statement, SQL_ATTR_ROWS_FETCHED_PTR, &to->rows, 0);
    code = SQLFetch(statement);
    if (code != SQL_NO_DATA && !SQL_SUCCEEDED(code)) return fail(SQL_HANDLE_STMT, statement);
    hand_over(to, code == SQL_NO_DATA ? 2 : 1);
    if (code == SQL_NO_DATA) break;
    rows += to->rows;
  }
  pthread_join(thread, 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("{\"rows\":%ld,\"seconds\":%f}\n", rows, end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9);
  return 0;
}
