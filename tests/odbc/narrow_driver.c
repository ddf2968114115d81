/* An ODBC driver without wide entry points. It prints the SQL that it receives, in hexadecimal. */
#include <stdio.h>
#include <string.h>
#include <sql.h>
#include <sqlext.h>

static int handle;

SQLRETURN SQLAllocHandle(SQLSMALLINT type, SQLHANDLE in, SQLHANDLE *out) { *out = &handle; return SQL_SUCCESS; }
SQLRETURN SQLFreeHandle(SQLSMALLINT type, SQLHANDLE h) { return SQL_SUCCESS; }
SQLRETURN SQLSetEnvAttr(SQLHENV e, SQLINTEGER a, SQLPOINTER v, SQLINTEGER l) { return SQL_SUCCESS; }
SQLRETURN SQLSetConnectAttr(SQLHDBC c, SQLINTEGER a, SQLPOINTER v, SQLINTEGER l) { return SQL_SUCCESS; }
SQLRETURN SQLDriverConnect(SQLHDBC c, SQLHWND w, SQLCHAR *in, SQLSMALLINT inLength, SQLCHAR *out, SQLSMALLINT outMax,
                           SQLSMALLINT *outLength, SQLUSMALLINT completion) { return SQL_SUCCESS; }
SQLRETURN SQLDisconnect(SQLHDBC c) { return SQL_SUCCESS; }
SQLRETURN SQLGetInfo(SQLHDBC c, SQLUSMALLINT type, SQLPOINTER v, SQLSMALLINT m, SQLSMALLINT *l) { return SQL_ERROR; }
SQLRETURN SQLGetDiagRec(SQLSMALLINT type, SQLHANDLE h, SQLSMALLINT number, SQLCHAR *state, SQLINTEGER *native,
                        SQLCHAR *text, SQLSMALLINT max, SQLSMALLINT *length) { return SQL_NO_DATA; }

SQLRETURN SQLNativeSql(SQLHDBC c, SQLCHAR *in, SQLINTEGER inLength, SQLCHAR *out, SQLINTEGER outMax,
                       SQLINTEGER *outLength) {
  snprintf((char *)out, outMax, "%s", in);
  *outLength = strlen((char *)in);
  return SQL_SUCCESS;
}

SQLRETURN SQLExecDirect(SQLHSTMT s, SQLCHAR *text, SQLINTEGER length) {
  for (int i = 0; text[i]; i++) printf("%02x", text[i]);
  printf("\n");
  fflush(stdout);
  return SQL_ERROR;
}
