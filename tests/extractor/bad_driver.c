/* An ODBC driver that misbehaves as its connection string says: ...;MODE=crash|abort|hang|print|leak|exit */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sql.h>
#include <sqlext.h>

static int handle;

SQLRETURN SQLAllocHandle(SQLSMALLINT type, SQLHANDLE in, SQLHANDLE *out) { *out = &handle; return SQL_SUCCESS; }
SQLRETURN SQLFreeHandle(SQLSMALLINT type, SQLHANDLE h) { return SQL_SUCCESS; }
SQLRETURN SQLSetEnvAttr(SQLHENV e, SQLINTEGER a, SQLPOINTER v, SQLINTEGER l) { return SQL_SUCCESS; }
SQLRETURN SQLGetEnvAttr(SQLHENV e, SQLINTEGER a, SQLPOINTER v, SQLINTEGER l, SQLINTEGER *o) { return SQL_SUCCESS; }
SQLRETURN SQLSetConnectAttrW(SQLHDBC c, SQLINTEGER a, SQLPOINTER v, SQLINTEGER l) { return SQL_SUCCESS; }
SQLRETURN SQLGetConnectAttrW(SQLHDBC c, SQLINTEGER a, SQLPOINTER v, SQLINTEGER l, SQLINTEGER *o) { return SQL_SUCCESS; }
SQLRETURN SQLGetFunctions(SQLHDBC c, SQLUSMALLINT id, SQLUSMALLINT *supported) { *supported = 0; return SQL_SUCCESS; }
SQLRETURN SQLDisconnect(SQLHDBC c) { return SQL_SUCCESS; }

static void wide(SQLWCHAR *to, const char *from) { while ((*to++ = (unsigned char)*from++)); }

SQLRETURN SQLGetDiagRecW(SQLSMALLINT type, SQLHANDLE h, SQLSMALLINT number, SQLWCHAR *state, SQLINTEGER *native,
                         SQLWCHAR *text, SQLSMALLINT max, SQLSMALLINT *length) {
  const char *message = "the bad driver says no";
  if (number > 1) return SQL_NO_DATA;
  wide(state, "08001");
  if (native) *native = 0;
  if (text && max > (SQLSMALLINT)strlen(message)) wide(text, message);
  if (length) *length = strlen(message);
  return SQL_SUCCESS;
}

SQLRETURN SQLDriverConnectW(SQLHDBC c, SQLHWND w, SQLWCHAR *in, SQLSMALLINT inLength, SQLWCHAR *out, SQLSMALLINT outMax,
                            SQLSMALLINT *outLength, SQLUSMALLINT completion) {
  char text[2048] = {0};
  int length = inLength < 0 ? 0 : inLength;
  if (inLength < 0) while (in[length]) length++;
  for (int i = 0; i < length && i < 2047; i++) text[i] = (char)in[i];
  if (strstr(text, "crash")) *(volatile int *)0 = 1;
  if (strstr(text, "abort")) { fprintf(stderr, "corrupted double-linked list\n"); abort(); }
  if (strstr(text, "exit")) exit(7);
  if (strstr(text, "hang")) for (;;) pause();
  if (strstr(text, "print")) {
    for (int i = 0; i < 50000; i++) printf("{\"type\":\"result\",\"id\":1} trace line %d\n", i);
    printf("a line without its end");
    fflush(stdout);
  }
  if (strstr(text, "leak")) {
    for (;;) {
      char *block = malloc(16 << 20);
      memset(block, 1, 16 << 20);
      usleep(20000);
    }
  }
  return SQL_ERROR;
}
